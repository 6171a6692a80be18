//! The files of the knowledge base that every build carries.

/// The name and the text of each file; the folder `knowledge/` has them.
pub(super) const FILES: &[(&str, &str)] = &[
    ("ai", include_str!("../../knowledge/ai.toml")),
    ("asyncio", include_str!("../../knowledge/asyncio.toml")),
    ("cache", include_str!("../../knowledge/cache.toml")),
    ("cloud", include_str!("../../knowledge/cloud.toml")),
    ("cpu", include_str!("../../knowledge/cpu.toml")),
    ("crypto", include_str!("../../knowledge/crypto.toml")),
    ("data", include_str!("../../knowledge/data.toml")),
    ("database", include_str!("../../knowledge/database.toml")),
    ("files", include_str!("../../knowledge/files.toml")),
    ("http", include_str!("../../knowledge/http.toml")),
    ("laneway", include_str!("../../knowledge/laneway.toml")),
    ("locks", include_str!("../../knowledge/locks.toml")),
    ("network", include_str!("../../knowledge/network.toml")),
    ("parsing", include_str!("../../knowledge/parsing.toml")),
    ("process", include_str!("../../knowledge/process.toml")),
    ("services", include_str!("../../knowledge/services.toml")),
    ("time", include_str!("../../knowledge/time.toml")),
];
