//! Where the reports are kept: between markers in a document, and as pictures beside it.

use std::{fs, path::PathBuf};

use crate::Failure;

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`.
pub(crate) fn keep(name: &str, text: &str) -> Result<(), Failure> {
    let path = docs().join("limits.md");
    let document = fs::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let missing = || format!("no markers for {name}");
    let (before, rest) = document.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    fs::write(path, format!("{before}{begin}{text}{end}{after}"))?;
    Ok(())
}

pub(crate) fn keep_picture(name: &str, svg: &str) -> Result<(), Failure> {
    let folder = docs().join("img");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), svg)?;
    Ok(())
}
