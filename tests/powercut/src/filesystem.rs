//! The requests of the kernel, each against the disk and its faults.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use parking_lot::Mutex;

use crate::content::{Content, SECTOR};
use crate::disk::{Directory, Disk, Kind, ROOT};
use crate::faults::{Deed, Faults};

/// The kernel may keep what it knows: nobody else changes anything, and a cut unmounts.
const TTL: Duration = Duration::from_secs(3600);
const BLOCKS: u64 = 1 << 24;
const NO_HANDLE: FileHandle = FileHandle(0);

#[derive(Debug)]
pub(crate) struct PowerCut {
    disk: Arc<Mutex<Disk>>,
    faults: Arc<Faults>,
}

impl PowerCut {
    pub(crate) fn new(disk: Arc<Mutex<Disk>>, faults: Arc<Faults>) -> Self {
        Self { disk, faults }
    }

    fn attributes(&self, inode: u64) -> Result<FileAttr, Errno> {
        attributes(&self.disk.lock(), inode)
    }

    fn create_node(&self, parent: u64, name: &OsStr, kind: Kind) -> Result<FileAttr, Errno> {
        self.faults.meet(Deed::Write)?;
        let mut disk = self.disk.lock();
        let inode = disk.create(parent, name, kind)?;
        attributes(&disk, inode)
    }

    fn remove(&self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        self.faults.meet(Deed::Change)?;
        self.disk.lock().remove(parent, name)
    }

    fn write_bytes(&self, inode: u64, offset: u64, data: &[u8]) -> Result<u32, Errno> {
        self.faults.meet(Deed::Write)?;
        self.disk
            .lock()
            .file_mut(inode)?
            .write(offset as usize, data);
        Ok(data.len() as u32)
    }

    fn set_size(&self, inode: u64, size: u64) -> Result<(), Errno> {
        self.faults.meet(Deed::Change)?;
        self.disk.lock().file_mut(inode)?.set_len(size as usize);
        Ok(())
    }

    fn sync_file(&self, inode: u64) -> Result<(), Errno> {
        let met = self.faults.meet(Deed::Sync);
        let mut disk = self.disk.lock();
        let content = disk.file_mut(inode)?;
        match met {
            Ok(()) => content.sync(),
            Err(_) => content.fail_sync(),
        }
        met
    }

    fn sync_dir(&self, inode: u64) -> Result<(), Errno> {
        self.faults.meet(Deed::Sync)?;
        self.disk.lock().sync_dir(inode)
    }
}

fn attributes(disk: &Disk, inode: u64) -> Result<FileAttr, Errno> {
    let node = disk.node(inode)?;
    let (kind, size, perm, nlink) = match &node.kind {
        Kind::File(content) => (FileType::RegularFile, content.len() as u64, 0o644, 1),
        Kind::Dir(_) => (FileType::Directory, 0, 0o755, 2),
    };
    Ok(FileAttr {
        ino: INodeNo(inode),
        size,
        blocks: size.div_ceil(SECTOR as u64),
        atime: node.modified,
        mtime: node.modified,
        ctime: node.modified,
        crtime: node.modified,
        kind,
        perm,
        nlink,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn answer_entry(reply: ReplyEntry, found: Result<FileAttr, Errno>) {
    match found {
        Ok(attributes) => reply.entry(&TTL, &attributes, Generation(0)),
        Err(error) => reply.error(error),
    }
}

fn answer_empty(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn answer_attributes(reply: ReplyAttr, found: Result<FileAttr, Errno>) {
    match found {
        Ok(attributes) => reply.attr(&TTL, &attributes),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for PowerCut {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let disk = self.disk.lock();
        let found = disk.lookup(parent.0, name);
        answer_entry(reply, found.and_then(|inode| attributes(&disk, inode)));
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer_attributes(reply, self.attributes(inode.0));
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let done = size.map_or(Ok(()), |size| self.set_size(inode.0, size));
        answer_attributes(reply, done.and_then(|()| self.attributes(inode.0)));
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, _: u32, _: u32, reply: ReplyEntry) {
        let made = self.create_node(parent.0, name, Kind::Dir(Directory::default()));
        answer_entry(reply, made);
    }

    fn mknod(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        let made = self.create_node(parent.0, name, Kind::File(Content::default()));
        answer_entry(reply, made);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.create_node(parent.0, name, Kind::File(Content::default())) {
            Ok(attributes) => {
                let flags = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&TTL, &attributes, Generation(0), NO_HANDLE, flags);
            }
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(reply, self.remove(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(reply, self.remove(parent.0, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let done = if flags.is_empty() {
            self.faults.meet(Deed::Change).and_then(|()| {
                let mut disk = self.disk.lock();
                disk.rename(parent.0, name, new_parent.0, new_name)
            })
        } else {
            Err(Errno::EINVAL)
        };
        answer_empty(reply, done);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(NO_HANDLE, FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        if let Err(error) = self.faults.meet_read(&(offset..offset + u64::from(size))) {
            return reply.error(error);
        }
        match self.disk.lock().file(inode.0) {
            Ok(content) => reply.data(content.read(offset as usize, size as usize)),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.write_bytes(inode.0, offset, data) {
            Ok(count) => reply.written(count),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer_empty(reply, self.sync_file(inode.0));
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer_empty(reply, self.sync_dir(inode.0));
    }

    fn readdir(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let disk = self.disk.lock();
        let directory = match disk.dir(inode.0) {
            Ok(directory) => directory,
            Err(error) => return reply.error(error),
        };
        let dots = [(OsStr::new("."), inode.0), (OsStr::new(".."), ROOT)];
        let names = directory.names().iter();
        let all = dots
            .into_iter()
            .chain(names.map(|(name, inode)| (name.as_os_str(), *inode)));
        for (place, (name, inode)) in (1..).zip(all).skip(offset as usize) {
            let kind = match disk.node(inode).map(|node| &node.kind) {
                Ok(Kind::File(_)) => FileType::RegularFile,
                _ => FileType::Directory,
            };
            if reply.add(INodeNo(inode), place, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let free = if self.faults.is_full() { 0 } else { BLOCKS / 2 };
        reply.statfs(BLOCKS, free, free, BLOCKS, free, 4096, 255, 4096);
    }
}
