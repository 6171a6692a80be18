//! `--fix`: the edits that keep the meaning, written into the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use laneway_check::{Finding, fixed};
use laneway_core::error::{Code, Error};

use super::super::humane::counted;
use super::super::output::Output;

/// Writes all edits, and says how many there were.
pub(super) fn write(
    findings: &[&Finding],
    folder: &Path,
    output: &mut Output,
) -> Result<(), Error> {
    let mut by_file: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|it| it.fix.is_some()) {
        by_file.entry(&finding.location.path).or_default().push(finding);
    }
    let mut all = 0;
    for (path, findings) in &by_file {
        let file = folder.join(path);
        let failed = |why: String| {
            Error::new(Code::InvalidArgument, format!("`{path}` cannot be mended"))
                .why(why)
                .fix("mend it by hand, as the finding says")
        };
        let bytes = fs::read(&file).map_err(|error| failed(error.to_string()))?;
        // Places count from behind the mark, and another encoding would be lost.
        let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
        let (mark, text) = match text.strip_prefix('\u{feff}') {
            Some(rest) => ("\u{feff}", rest),
            None => ("", text.as_str()),
        };
        let (text, done) = fixed(text, findings.iter().copied());
        fs::write(&file, format!("{mark}{text}")).map_err(|error| failed(error.to_string()))?;
        all += done;
    }
    output.note(&format!("{} in {}", counted(all, "edit"), counted(by_file.len(), "file")));
    Ok(())
}
