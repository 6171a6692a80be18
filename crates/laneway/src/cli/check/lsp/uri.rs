//! Paths as addresses of the protocol, and back.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use gen_lsp_types::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// What is not written as it is.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a file; none for what lies elsewhere, such as a text without a name.
pub(super) fn path_of(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.0.strip_prefix("file://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = path.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    Some(PathBuf::from(OsString::from_vec(percent_decode_str(path).collect())))
}

/// The address of a file.
pub(super) fn uri_of(path: &Path) -> Uri {
    Uri(format!("file://{}", percent_encode(path.as_os_str().as_bytes(), ESCAPED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_from_its_address() {
        for path in ["/shop/app.py", "/my shop/ä#?%.py", "/a:b/c@d.py"] {
            let uri = uri_of(Path::new(path));
            assert_eq!(path_of(&uri).as_deref(), Some(Path::new(path)), "{}", uri.0);
        }
        assert_eq!(uri_of(Path::new("/my shop/ä.py")).0, "file:///my%20shop/%C3%A4.py");
    }

    #[test]
    fn addresses_of_other_editors_are_understood() {
        let path = |text: &str| path_of(&Uri(text.to_owned()));
        assert_eq!(path("file:///c%3A/a%2Bb.py"), Some(PathBuf::from("/c:/a+b.py")));
        assert_eq!(path("file://localhost/a.py"), Some(PathBuf::from("/a.py")));
        assert_eq!(path("untitled:Untitled-1"), None);
        assert_eq!(path("file://server/a.py"), None);
    }
}
