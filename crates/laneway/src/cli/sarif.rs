//! What all SARIF 2.1.0 logs of Laneway have: the frame, and how files are named.

use serde_json::{Value, json};

/// Where the format is described.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Where relative paths begin.
const ROOT: &str = "SRCROOT";

/// The log of one run.
pub(super) fn log(rules: &[Value], results: &[Value]) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "laneway",
                "semanticVersion": crate::VERSION,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { ROOT: { "description": {
                "text": "the folder of the project",
            }}},
            "results": results,
        }],
    })
}

/// A file, by a path that is absolute or relative to the project's folder.
pub(super) fn artifact(file: &str) -> Value {
    let uri = uri(file);
    if file.starts_with('/') {
        json!({ "uri": format!("file://{uri}") })
    } else {
        json!({ "uri": uri, "uriBaseId": ROOT })
    }
}

/// A path as the path of a URI.
fn uri(path: &str) -> String {
    let piece = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    path.bytes().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("shop/my tasks.py"), "shop/my%20tasks.py");
    }
}
