//! The files of the knowledge base that every build carries.

/// The name and the text of each file; the folder `knowledge/` has them.
pub(super) const FILES: &[(&str, &str)] = &[
    ("asyncio", include_str!("../../knowledge/asyncio.toml")),
    ("stdlib", include_str!("../../knowledge/stdlib.toml")),
];
