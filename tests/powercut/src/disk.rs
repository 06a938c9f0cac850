//! Files and directories by inode, as they are and as a power cut would leave them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use fuser::Errno;

use crate::content::Content;

pub(crate) const ROOT: u64 = 1;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) modified: SystemTime,
}

#[derive(Debug)]
pub(crate) enum Kind {
    File(Content),
    Dir(Directory),
}

type Names = BTreeMap<OsString, u64>;

#[derive(Debug, Default)]
pub(crate) struct Directory {
    names: Names,
    /// As it was fsynced.
    durable: Names,
    /// What happened since, in order.
    changes: Vec<Change>,
}

/// Names that change together: each leads to an inode from then on, or nowhere.
type Change = Vec<(OsString, Option<u64>)>;

impl Directory {
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }

    fn sync(&mut self) {
        self.changes.clear();
        self.durable = self.names.clone();
    }

    fn cut(&mut self, chance: &mut Option<Chance>) {
        let kept = chance
            .as_mut()
            .map_or(0, |chance| chance.between(0, self.changes.len()));
        for change in self.changes.drain(..).take(kept) {
            apply(&mut self.durable, &change);
        }
        self.names = self.durable.clone();
    }
}

fn apply(names: &mut Names, change: &Change) {
    for (name, inode) in change {
        match inode {
            Some(inode) => names.insert(name.clone(), *inode),
            None => names.remove(name),
        };
    }
}

#[derive(Debug)]
pub(crate) struct Disk {
    nodes: HashMap<u64, Node>,
    next_inode: u64,
}

impl Default for Disk {
    fn default() -> Self {
        let root = Node {
            kind: Kind::Dir(Directory::default()),
            modified: SystemTime::now(),
        };
        Self {
            nodes: HashMap::from([(ROOT, root)]),
            next_inode: ROOT + 1,
        }
    }
}

impl Disk {
    pub(crate) fn node(&self, inode: u64) -> Result<&Node, Errno> {
        self.nodes.get(&inode).ok_or(Errno::ENOENT)
    }

    pub(crate) fn file(&self, inode: u64) -> Result<&Content, Errno> {
        match &self.node(inode)?.kind {
            Kind::File(content) => Ok(content),
            Kind::Dir(_) => Err(Errno::EISDIR),
        }
    }

    /// The file, to be changed.
    pub(crate) fn file_mut(&mut self, inode: u64) -> Result<&mut Content, Errno> {
        let node = self.nodes.get_mut(&inode).ok_or(Errno::ENOENT)?;
        node.modified = SystemTime::now();
        match &mut node.kind {
            Kind::File(content) => Ok(content),
            Kind::Dir(_) => Err(Errno::EISDIR),
        }
    }

    pub(crate) fn dir(&self, inode: u64) -> Result<&Directory, Errno> {
        match &self.node(inode)?.kind {
            Kind::Dir(directory) => Ok(directory),
            Kind::File(_) => Err(Errno::ENOTDIR),
        }
    }

    fn dir_mut(&mut self, inode: u64) -> Result<&mut Directory, Errno> {
        let node = self.nodes.get_mut(&inode).ok_or(Errno::ENOENT)?;
        node.modified = SystemTime::now();
        match &mut node.kind {
            Kind::Dir(directory) => Ok(directory),
            Kind::File(_) => Err(Errno::ENOTDIR),
        }
    }

    pub(crate) fn lookup(&self, parent: u64, name: &OsStr) -> Result<u64, Errno> {
        let inode = self.dir(parent)?.names.get(name);
        inode.copied().ok_or(Errno::ENOENT)
    }

    pub(crate) fn create(&mut self, parent: u64, name: &OsStr, kind: Kind) -> Result<u64, Errno> {
        if self.lookup(parent, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let inode = self.next_inode;
        self.dir_mut(parent)?
            .change(vec![(name.to_owned(), Some(inode))]);
        self.next_inode += 1;
        let modified = SystemTime::now();
        self.nodes.insert(inode, Node { kind, modified });
        Ok(inode)
    }

    /// Removes a name. The inode stays: the name may come back with the next power cut.
    pub(crate) fn remove(&mut self, parent: u64, name: &OsStr) -> Result<(), Errno> {
        let inode = self.lookup(parent, name)?;
        if let Kind::Dir(directory) = &self.node(inode)?.kind
            && !directory.names.is_empty()
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.dir_mut(parent)?.change(vec![(name.to_owned(), None)]);
        Ok(())
    }

    /// Within a directory the new name appears as the old one goes; across two, each of them knows
    /// of its own part only.
    pub(crate) fn rename(
        &mut self,
        parent: u64,
        name: &OsStr,
        new_parent: u64,
        new_name: &OsStr,
    ) -> Result<(), Errno> {
        let inode = self.lookup(parent, name)?;
        let gone = (name.to_owned(), None);
        let come = (new_name.to_owned(), Some(inode));
        if parent == new_parent {
            self.dir_mut(parent)?.change(vec![gone, come]);
        } else {
            self.dir_mut(new_parent)?.change(vec![come]);
            self.dir_mut(parent)?.change(vec![gone]);
        }
        Ok(())
    }

    pub(crate) fn sync_dir(&mut self, inode: u64) -> Result<(), Errno> {
        self.dir_mut(inode)?.sync();
        Ok(())
    }

    /// Leaves what was fsynced and, with a seed, an arbitrary part of the rest.
    pub(crate) fn cut(&mut self, seed: Option<u64>) {
        let mut chance = seed.map(Chance::new);
        let mut inodes: Vec<u64> = self.nodes.keys().copied().collect();
        // So that a seed always means the same.
        inodes.sort_unstable();
        for inode in inodes {
            match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
                Some(Kind::File(content)) => content.cut(&mut chance),
                Some(Kind::Dir(directory)) => directory.cut(&mut chance),
                None => {}
            }
        }
        let reachable = self.reachable();
        self.nodes.retain(|inode, _| reachable.contains(inode));
    }

    fn reachable(&self) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        let mut rest = vec![ROOT];
        while let Some(inode) = rest.pop() {
            if found.insert(inode)
                && let Ok(directory) = self.dir(inode)
            {
                rest.extend(directory.names.values());
            }
        }
        found
    }
}

/// Random numbers that follow from a seed (SplitMix64).
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn is_lucky(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    /// Often one of the two, else a number between them.
    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        match self.next() % 4 {
            0 => least,
            1 => most,
            _ => least + (self.next() % (most - least + 1) as u64) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn file() -> Kind {
        Kind::File(Content::default())
    }

    fn names(disk: &Disk) -> Vec<&str> {
        let names = disk.dir(ROOT).unwrap().names();
        names.keys().map(|name| name.to_str().unwrap()).collect()
    }

    #[test]
    fn a_name_lasts_from_the_fsync_of_its_directory_on() {
        let mut disk = Disk::default();
        let a = disk.create(ROOT, "a".as_ref(), file()).unwrap();
        disk.file_mut(a).unwrap().sync();
        disk.cut(None);
        assert!(names(&disk).is_empty());

        disk.create(ROOT, "a".as_ref(), file()).unwrap();
        disk.sync_dir(ROOT).unwrap();
        disk.rename(ROOT, "a".as_ref(), ROOT, "b".as_ref()).unwrap();
        assert_eq!(names(&disk), ["b"]);
        disk.cut(None);
        assert_eq!(names(&disk), ["a"]);

        disk.remove(ROOT, "a".as_ref()).unwrap();
        disk.cut(None);
        assert_eq!(names(&disk), ["a"]);
        disk.remove(ROOT, "a".as_ref()).unwrap();
        disk.sync_dir(ROOT).unwrap();
        disk.cut(None);
        assert!(names(&disk).is_empty() && disk.nodes.len() == 1);
    }

    #[test]
    fn a_rename_is_whole_whatever_is_left() {
        for seed in 0..50 {
            let mut disk = Disk::default();
            disk.create(ROOT, "a".as_ref(), file()).unwrap();
            disk.sync_dir(ROOT).unwrap();
            disk.rename(ROOT, "a".as_ref(), ROOT, "b".as_ref()).unwrap();
            disk.rename(ROOT, "b".as_ref(), ROOT, "c".as_ref()).unwrap();
            disk.cut(Some(seed));
            assert_eq!(names(&disk).len(), 1);
        }
    }
}
