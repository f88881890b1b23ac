//! What the command reads and writes: `-` is standard input or output, files are replaced whole, and a closed pipe is no error.

use crate::Failure;
use crate::messages::Messages;
use similar::TextDiff;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Whether a path means standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The name to show, and the contents, of a file or of standard input.
pub fn read(path: &Path, messages: &Messages) -> Result<(String, Vec<u8>), Failure> {
    if is_standard(path) {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| messages.plain(&format!("standard input: {error}"), Failure::Usage))?;
        return Ok(("<stdin>".to_string(), bytes));
    }
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| messages.plain(&format!("{name}: {error}"), Failure::Usage))?;
    Ok((name, bytes))
}

/// Writes to standard output. Whoever closed it has seen enough.
pub fn print(text: impl AsRef<[u8]>, messages: &Messages) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_ref()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(messages.plain(&format!("standard output: {error}"), Failure::Usage)),
        _ => Ok(()),
    }
}

/// Writes a file, or to standard output; leaves a file alone that holds just this.
pub fn write(path: &Path, contents: impl AsRef<[u8]>, messages: &Messages) -> Result<(), Failure> {
    if is_standard(path) {
        return print(contents, messages);
    }
    let contents = contents.as_ref();
    let failed = |error: String| messages.plain(&error, Failure::Usage);
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(failed(format!("{}: is a folder, not a file", path.display()))),
        // devices and pipes cannot be replaced
        Ok(found) if !found.is_file() => std::fs::write(path, contents).map_err(|error| failed(format!("{}: {error}", path.display()))),
        Ok(_) if std::fs::read(path).is_ok_and(|present| present == contents) => Ok(()),
        _ => nnc::build::write(path, contents).map_err(|error| failed(error.to_string())),
    }
}

/// Whether two paths are one file.
pub fn same(one: &Path, other: &Path) -> bool {
    match (std::fs::canonicalize(one), std::fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// The lines in which two texts differ, with some around them.
pub fn difference(before: &str, after: &str, names: [&str; 2]) -> String {
    TextDiff::from_lines(before, after).unified_diff().header(names[0], names[1]).to_string()
}
