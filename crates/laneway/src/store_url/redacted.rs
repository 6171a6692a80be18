//! A text that may be a URL, shown without its secrets.

use std::fmt;

use super::split_query;

/// A text that may be a URL, shown without its password.
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str(self.0);
        };
        // The query of a URL may carry a password as well as its authority, and a password that is
        // not percent-encoded may contain `/` or `?`: everything up to the last `@` is hidden.
        // After a third slash there is no authority, and an `@` belongs to a path.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) if !credentials.starts_with('/') => (Some(credentials), rest),
            _ => (None, rest),
        };
        write!(f, "{scheme}://")?;
        match credentials.map(|text| text.split_once(':')) {
            Some(Some((user, _))) => write!(f, "{user}:***@")?,
            Some(None) => f.write_str("***@")?,
            None => {}
        }
        let (location, query) = split_query(rest);
        f.write_str(location)?;
        for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((key, _)) if is_secret(key) => write!(f, "{key}=***")?,
                _ => f.write_str(pair)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["pass", "secret", "token", "key"].iter().any(|word| key.contains(word))
}
