use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<StoreUrl, Error> {
    StoreUrl::parse(text, Path::new("/srv/shop"))
}

#[test]
fn urls_name_files_relative_absolute_and_in_memory() {
    for (text, path) in [
        ("sqlite:///jobs.db", "/srv/shop/jobs.db"),
        ("sqlite:///.laneway/laneway.db", "/srv/shop/.laneway/laneway.db"),
        ("sqlite:////var/lib/jobs.db", "/var/lib/jobs.db"),
        ("SQLite:///a%20b%25.db", "/srv/shop/a b%.db"),
        (" sqlite:///with space.db ", "/srv/shop/with space.db"),
    ] {
        assert_eq!(parse(text).unwrap(), StoreUrl::file(path), "{text}");
    }
    assert_eq!(*parse("memory://").unwrap().place(), Place::Memory);
}

#[test]
fn durability_is_an_option_of_the_url() {
    for (text, durability) in [
        ("sqlite:///a.db", None),
        ("sqlite:///a.db?", None),
        ("sqlite:///a.db?durability=fsync", Some(Durability::Fsync)),
        ("sqlite:///a.db?durability=os", Some(Durability::Os)),
        ("sqlite:///a.db?durability=memory", Some(Durability::Memory)),
    ] {
        assert_eq!(parse(text).unwrap().durability(), durability, "{text}");
    }
}

#[test]
fn a_malformed_url_is_refused_with_advice_for_its_very_mistake() {
    for (text, fix) in [
        ("", EXAMPLES),
        ("jobs", EXAMPLES),
        ("jobs.db", "write `sqlite:///jobs.db`"),
        ("/var/jobs.db", "write `sqlite:////var/jobs.db`"),
        ("sqlite:jobs.db", "write `sqlite:///jobs.db` or `sqlite:////jobs.db`"),
        ("sqlite://jobs.db", "write `sqlite:///jobs.db` for a path relative to the project"),
        ("sqlite:///", EXAMPLES),
        ("sqlite:///folder/", EXAMPLES),
        ("sqlite:///:memory:", "write `memory://`"),
        ("sqlite:///a%2.db", "write a percent sign in a path as `%25`"),
        ("sqlite:///a%+1.db", "write a percent sign in a path as `%25`"),
        ("sqlite:///a%00.db", EXAMPLES),
        ("sqlite:///a.db?durabilty=os", "did you mean `durability`?"),
        ("sqlite:///a.db?x=1", "the only option is `durability`"),
        (
            "sqlite:///a.db?durability=full",
            "write `?durability=fsync`, `?durability=os` or `?durability=memory`",
        ),
        ("memory://x", "write `memory://`"),
        ("sqllite:///a.db", "did you mean `sqlite:///…`?"),
        ("memroy://", "did you mean `memory://`?"),
        ("amqp://host", EXAMPLES),
        ("redi://host", "did you mean `redis://`?"),
        ("postgresql+psycopg://u:p@host/db", "write `postgresql://`"),
        ("postgres+asyncpg://host/db", "write `postgresql://`"),
        ("redis://", EXAMPLES),
        ("redis://:6379", EXAMPLES),
        (
            "redis://db?durability=full",
            "write `?durability=fsync`, `?durability=os` or `?durability=memory`",
        ),
        (
            "postgresql://u:p/w@host/db",
            "write `/` in a password as `%2F`, `?` as `%3F`, `#` as `%23` and `@` as `%40`",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.code(), error.remedy()), (Code::StoreUrlInvalid, fix), "{text}");
    }
}

fn server(text: &str) -> (ServerKind, String) {
    match parse(text).unwrap().place() {
        Place::Server(server) => (server.kind(), server.expose().to_owned()),
        place => panic!("`{text}` is no server but {place:?}"),
    }
}

#[test]
fn urls_of_servers_keep_what_only_their_store_understands() {
    for (text, kind, url) in [
        ("redis://db", ServerKind::Redis, "redis://db"),
        (
            "REDISS://u:p%2Fw@db:6380/2?durability=fsync",
            ServerKind::Redis,
            "rediss://u:p%2Fw@db:6380/2",
        ),
        ("valkey://:p@[::1]:6379/0", ServerKind::Redis, "valkey://:p@[::1]:6379/0"),
        (
            "redis+unix:///run/redis.sock?db=1",
            ServerKind::Redis,
            "redis+unix:///run/redis.sock?db=1",
        ),
        (
            "redis+sentinel://:p@a:26379,b:26379/primary/0",
            ServerKind::Redis,
            "redis+sentinel://:p@a:26379,b:26379/primary/0",
        ),
        (
            "postgres://u:p@db/jobs?sslmode=require&durability=os&schema=x",
            ServerKind::Postgres,
            "postgres://u:p@db/jobs?sslmode=require&schema=x",
        ),
        (
            "postgresql:///jobs?host=/run/pg",
            ServerKind::Postgres,
            "postgresql:///jobs?host=/run/pg",
        ),
        ("postgresql://db/x?options=a@b", ServerKind::Postgres, "postgresql://db/x?options=a@b"),
    ] {
        assert_eq!(server(text), (kind, url.to_owned()), "{text}");
    }
}

#[test]
fn a_server_is_shown_without_its_password_and_passed_on_with_it() {
    let url = parse("postgresql://u:secret@db/x?sslpassword=hidden&durability=os").unwrap();
    let shown = "postgresql://u:***@db/x?sslpassword=***&durability=os";
    assert_eq!(url.to_string(), shown);
    for shown in [format!("{url:?}"), format!("{:?}", url.place()), url.to_string()] {
        assert!(!shown.contains("secret") && !shown.contains("hidden"), "{shown}");
    }
    assert_eq!(parse(&url.expose()).unwrap(), url);
}

#[test]
fn passwords_are_never_shown() {
    for (text, shown) in [
        ("redis://user:secret@host:1/0", "redis://user:***@host:1/0"),
        ("redis://:secret@host", "redis://:***@host"),
        ("redis://token@host", "redis://***@host"),
        ("redis://host?password=x&db=1", "redis://host?password=***&db=1"),
        ("postgresql://u:a?b/c@d@host/x", "postgresql://u:***@host/x"),
        ("sqlite:///pl@in.db?durability=os", "sqlite:///pl@in.db?durability=os"),
        ("no url", "no url"),
    ] {
        assert_eq!(Redacted(text).to_string(), shown);
    }
}

proptest! {
    #[test]
    fn a_url_survives_its_text_form(bytes in prop::collection::vec(1_u8.., 1..30)) {
        let name: Vec<u8> = bytes.into_iter().filter(|byte| *byte != b'/').collect();
        prop_assume!(!name.is_empty());
        let path = Path::new("/srv").join(OsString::from_vec(name));
        let url = StoreUrl { place: Place::File(path), durability: Some(Durability::Os) };
        // White space at the end of a URL is a slip of the hand, but here the option follows
        // it.
        prop_assert_eq!(parse(&url.expose()).unwrap(), url);
    }
}
