//! Imports from the file system: an import is relative to the file that it stands in.
//!
//! A file is shown under its path from the folder that all began in, so that messages and generated code are the same wherever that
//! folder is.

use nnc_grammar::Source;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The text of the file `path`, imported by the source of the name `importing`: if that is a file, its path from `folder`. A source that
/// is no file imports from `folder`.
///
/// # Errors
/// Why it cannot be read.
pub fn load(folder: &Path, importing: &str, path: &str) -> Result<Source, String> {
    let beside = Path::new(importing).parent().unwrap_or(Path::new(""));
    let name = normal(&beside.join(path));
    let text = read(&folder.join(&name))?;
    Ok(Source { name: name.to_string_lossy().into_owned(), text })
}

/// The text of a file.
///
/// # Errors
/// Why it cannot be read.
pub fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
}

/// `models/../blocks.nn` is `blocks.nn`: a file has one name.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(normal.components().next_back(), Some(Component::Normal(_))) => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::{load, normal};
    use std::fs;
    use std::path::Path;

    #[test]
    fn imports_are_relative_to_the_importing_file() {
        let folder = std::env::temp_dir().join(format!("nnc-files-{}", std::process::id()));
        fs::create_dir_all(folder.join("models/blocks")).unwrap();
        fs::write(folder.join("models/blocks/a.nn"), "a").unwrap();
        fs::write(folder.join("models/b.nn"), "b").unwrap();
        fs::write(folder.join("c.nn"), "c").unwrap();
        let load = |importing, path| load(&folder, importing, path).map(|source| (source.name, source.text));
        let found = |name: &str, text: &str| Ok((name.to_string(), text.to_string()));
        assert_eq!(load("models/net.nn", "blocks/a.nn"), found("models/blocks/a.nn", "a"));
        assert_eq!(load("models/blocks/a.nn", "../b.nn"), found("models/b.nn", "b"));
        assert_eq!(load("models/b.nn", "../c.nn"), found("c.nn", "c"));
        assert_eq!(load("nn!", "c.nn"), found("c.nn", "c"));
        assert!(load("models/net.nn", "none.nn").is_err());
        fs::write(folder.join("c.nn"), b"ab\xff").unwrap();
        assert_eq!(load("nn!", "c.nn"), Err("byte 2 is not UTF-8".to_string()));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn paths_have_one_name() {
        assert_eq!(normal(Path::new("./a/../../b/./c.nn")), Path::new("../b/c.nn"));
        assert_eq!(normal(Path::new("/a/../b.nn")), Path::new("/b.nn"));
    }
}
