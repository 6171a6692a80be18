//! Taking a server's answer apart.

use laneway_core::error::Error;
use redis::Value;

use crate::fault::damaged;

/// The elements of an array.
pub(crate) fn array(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Array(values) | Value::Set(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        other => Err(unexpected("an array", &other)),
    }
}

/// The bytes of a text.
pub(crate) fn bytes(value: Value) -> Result<Vec<u8>, Error> {
    optional_bytes(value)?.ok_or_else(|| damaged("a value is missing in an answer"))
}

/// The bytes of a text that may be missing.
pub(crate) fn optional_bytes(value: Value) -> Result<Option<Vec<u8>>, Error> {
    match value {
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        Value::Nil => Ok(None),
        other => Err(unexpected("a text", &other)),
    }
}

/// A text.
pub(crate) fn text(value: Value) -> Result<String, Error> {
    String::from_utf8(bytes(value)?).map_err(|_| damaged("a text in an answer is not UTF-8"))
}

/// A whole number.
pub(crate) fn number(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::BulkString(bytes) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| damaged("a number in an answer cannot be read")),
        other => Err(unexpected("a number", other)),
    }
}

/// A count.
pub(crate) fn count(value: &Value) -> Result<usize, Error> {
    Ok(usize::try_from(number(value)?).unwrap_or(0))
}

/// The kind of the answer only: an answer may hold what nobody shall read in a log.
fn unexpected(wanted: &str, value: &Value) -> Error {
    let kind = match value {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) => "a text",
        Value::Array(_) | Value::Set(_) => "an array",
        _ => "something else",
    };
    damaged(format!("the answer is {kind} where {wanted} was expected"))
}
