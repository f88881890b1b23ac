//! Files that are written whole or not at all.

use crate::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Replaces the file at `path` by `bytes`. Whoever reads it sees the old or the new contents, also after a crash: they are written
/// beside it and renamed. A link stays a link.
///
/// # Errors
/// Those of the file system; the old contents stay.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let target = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside = target.with_file_name(format!(".{name}.{}.{number}.new", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &target)
    });
    written.map_err(|error| {
        // What is left of it is of no use; the error that matters is the first.
        let _ = fs::remove_file(&beside);
        Error::io(path)(error)
    })
}
