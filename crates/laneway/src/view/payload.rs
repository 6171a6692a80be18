//! `MessagePack` as JSON.
//!
//! JSON has no bytes, no extension types, no infinite numbers and only texts as keys; these stand
//! as `{"base64": "…"}`, `{"ext": 5, "base64": "…"}`, `"inf"` and the text of the key. The instant
//! that `MessagePack` defines (extension −1) stands in the form of RFC 3339.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// The extension type of an instant.
const TIMESTAMP: i8 = -1;

/// The deepest nesting that is shown; `serde_json` reads no deeper either.
const DEPTH_MAX: usize = 128;

/// The value that `bytes` encode, if they are exactly one `MessagePack` value.
pub(super) fn json_of(bytes: &[u8]) -> Option<Value> {
    let mut decoder = rmp_serde::Deserializer::new(bytes);
    decoder.set_max_depth(DEPTH_MAX);
    let value = Json::deserialize(&mut decoder).ok()?;
    decoder.get_ref().is_empty().then_some(value.0)
}

struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a MessagePack value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(json!(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(json!(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(json!(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(if value.is_finite() { json!(value) } else { json!(value.to_string()) })
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(json!(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(json!({ "base64": STANDARD.encode(value) }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Json(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((Json(key), Json(value))) = entries.next_entry()? {
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, content: D) -> Result<Value, D::Error> {
        let (kind, bytes) = <(i8, serde_bytes::ByteBuf)>::deserialize(content)?;
        let instant = if kind == TIMESTAMP { timestamp(&bytes) } else { None };
        Ok(instant.unwrap_or_else(|| json!({ "ext": kind, "base64": STANDARD.encode(&bytes) })))
    }
}

/// The instant that the content of a timestamp extension stands for.
fn timestamp(bytes: &[u8]) -> Option<Value> {
    let (seconds, nanos) = match bytes.len() {
        4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
        8 => {
            // The upper 30 bits are nanoseconds, the lower 34 seconds.
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            (i64::try_from(both & 0x3_FFFF_FFFF).ok()?, i32::try_from(both >> 34).ok()?)
        }
        12 => {
            let (nanos, seconds) = bytes.split_at(4);
            let nanos = u32::from_be_bytes(nanos.try_into().ok()?);
            (i64::from_be_bytes(seconds.try_into().ok()?), i32::try_from(nanos).ok()?)
        }
        _ => return None,
    };
    jiff::Timestamp::new(seconds, nanos).ok().map(|instant| json!(instant.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_knows_stands_as_it_is_and_in_order() {
        let bytes = b"\x84\xa1z\x01\xa1a\xfe\xa1f\xcb\x3f\xf8\0\0\0\0\0\0\xa1l\x93\xc0\xc3\xc2";
        let value = json_of(bytes).unwrap();
        assert_eq!(value, json!({"z": 1, "a": -2, "f": 1.5, "l": [null, true, false]}));
        assert_eq!(value.to_string(), r#"{"z":1,"a":-2,"f":1.5,"l":[null,true,false]}"#);
    }

    #[test]
    fn what_json_lacks_has_a_shape_of_its_own() {
        for (bytes, value) in [
            (&b"\xc4\x05hello"[..], json!({"base64": "aGVsbG8="})),
            (b"\xc4\x00", json!({"base64": ""})),
            (b"\xc4\x01\xff", json!({"base64": "/w=="})),
            (b"\xd4\x05\x01", json!({"ext": 5, "base64": "AQ=="})),
            (b"\xcb\x7f\xf0\0\0\0\0\0\0", json!("inf")),
            (b"\x81\x07\xa1x", json!({"7": "x"})),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", json!(u64::MAX)),
        ] {
            assert_eq!(json_of(bytes).unwrap(), value, "{bytes:02x?}");
        }
    }

    #[test]
    fn instants_of_every_length_stand_in_rfc_3339() {
        for (bytes, text) in [
            (&b"\xd6\xff\x65\x53\xf1\0"[..], "2023-11-14T22:13:20Z"),
            (b"\xd7\xff\x77\x35\x94\x00\x65\x53\xf1\0", "2023-11-14T22:13:20.5Z"),
            (b"\xc7\x0c\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(json_of(bytes).unwrap(), json!(text));
        }
        assert_eq!(json_of(b"\xd4\xff\x01").unwrap(), json!({"ext": -1, "base64": "AQ=="}));
    }

    #[test]
    fn bytes_that_are_not_one_value_are_no_json() {
        for bytes in [&b""[..], b"\xc1", b"\x01\x02", b"\x92\x01", b"\xa5ab"] {
            assert_eq!(json_of(bytes), None, "{bytes:02x?}");
        }
        let deep = vec![0x91_u8; 100_000];
        assert_eq!(json_of(&deep), None);
    }
}
