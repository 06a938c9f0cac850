//! Replacing a small file so that a crash leaves the old one or the new one, whole.

use std::fs::File;
use std::io;
use std::path::Path;

const TEMPORARY_SUFFIX: &str = ".tmp";

/// Writes, fsyncs and renames; the directory is fsynced too.
pub(crate) fn replace<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(TEMPORARY_SUFFIX);
    let temporary = path.with_file_name(name);
    let mut file = File::create(&temporary)?;
    write(&mut file)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    Ok(sync_parent(path)?)
}

pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Deletes what replacements left behind that a crash cut short.
pub(crate) fn delete_unfinished(dir: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(dir)? {
        let file = file?;
        let name = file.file_name();
        if name
            .to_str()
            .is_some_and(|name| name.ends_with(TEMPORARY_SUFFIX))
        {
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// `None` if there is no such file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
