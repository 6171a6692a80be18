//! The versions of the schema: looking at one, making one, upgrading one.

use laneway_core::error::{Code, Error};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, IsolationLevel};

use crate::fault::{Fault, Place};
use crate::link::{literal, quoted, unanswered, within};
use crate::options::PostgresOptions;
use crate::tls::Tls;

/// The oldest server that has what the functions use.
const SERVER_OLDEST: i32 = 130_000;

/// What makes version `n + 1` of version `n`, from nothing on.
const MIGRATIONS: &[(&str, &[&str])] = &[(
    "tables and functions",
    &[
        include_str!("schema/v1/tables.sql"),
        include_str!("schema/v1/place.sql"),
        include_str!("schema/v1/enqueue.sql"),
        include_str!("schema/v1/restore.sql"),
        include_str!("schema/v1/claim.sql"),
        include_str!("schema/v1/settle.sql"),
        include_str!("schema/v1/session.sql"),
        include_str!("schema/v1/control.sql"),
        include_str!("schema/v1/profile.sql"),
        include_str!("schema/v1/interface.sql"),
        include_str!("schema/v1/bounds.sql"),
    ],
)];

/// A step from one version of the schema to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The version that it leads to.
    pub version: i32,
    /// What it is about.
    pub name: &'static str,
    /// What the server is told.
    pub sql: String,
}

/// What stands in the database where the schema is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Nothing.
    Absent,
    /// Laneway's tables of this version.
    Ours(i32),
    /// So many tables and the like of somebody else.
    Foreign(i64),
}

/// The version that this build works with.
pub(crate) fn version() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// The migrations that the schema of a store still lacks.
///
/// # Errors
/// As [`migrate`].
pub async fn pending(options: &PostgresOptions) -> Result<Vec<Migration>, Error> {
    let place = options.place();
    let client = connect(options, &place).await?;
    let from = match inspect(&client, &place).await? {
        Found::Absent => 0,
        Found::Ours(version) => version,
        Found::Foreign(count) => return Err(foreign(&place, count)),
    };
    Ok(after(from, options.schema()))
}

/// Makes the schema of a store, or brings it to this build's version. Tells what it did.
///
/// # Errors
/// `LW1008` when the server cannot be reached, `LW1040`, `LW1041` and `LW1053` to `LW1056` when it
/// refuses.
pub async fn migrate(options: &PostgresOptions) -> Result<Vec<Migration>, Error> {
    let place = options.place();
    let mut client = connect(options, &place).await?;
    apply(&mut client, options.schema(), &place).await.map_err(|fault| fault.into_error(&place))
}

/// Sees to it that the schema can be used: makes a new one when there is none, and refuses one of
/// another version. A schema that others work with is upgraded when somebody says so.
pub(crate) async fn prepare(client: &mut Client, options: &PostgresOptions) -> Result<(), Error> {
    let place = options.place();
    match inspect(client, &place).await? {
        Found::Ours(found) if found == version() => Ok(()),
        Found::Ours(found) if found > version() => Err(too_new(&place, found)),
        Found::Ours(found) => Err(outdated(&place, found)),
        Found::Foreign(count) => Err(foreign(&place, count)),
        Found::Absent if !options.creates() => Err(absent(&place)),
        Found::Absent => {
            let done = apply(client, options.schema(), &place).await;
            done.map(drop).map_err(|fault| fault.into_error(&place))
        }
    }
}

async fn connect(options: &PostgresOptions, place: &Place) -> Result<Client, Error> {
    let tls = Tls::new(options.encryption())?;
    let wait = options.answer_wait();
    let connected = within(wait, options.config().connect(tls)).await;
    let (client, connection) = connected
        .ok_or_else(|| unanswered(place, wait))?
        .map_err(|error| Fault::Driver(error).into_error(place))?;
    tokio::runtime::Handle::current().spawn(async move {
        if connection.await.is_err() {
            // Whoever uses the client hears of it.
        }
    });
    Ok(client)
}

/// Looks whose schema this is, without changing anything.
async fn inspect(client: &Client, place: &Place) -> Result<Found, Error> {
    look(client, place).await.map_err(|fault| fault.into_error(place))
}

async fn look(client: &Client, place: &Place) -> Result<Found, Fault> {
    let rows = client.query_typed(LOOK, &[(&place.schema, Type::TEXT)]).await?;
    let row = rows.first().ok_or_else(|| Error::new(Code::Internal, "no answer from a server"))?;
    let server: i32 = row.try_get(0)?;
    if server < SERVER_OLDEST {
        let name: String = row.try_get(1)?;
        return Err(Error::new(Code::StoreServerTooOld, format!("{place} is too old"))
            .why(format!("it has version {name}, and 13 is the oldest that Laneway works with"))
            .into());
    }
    if row.try_get(2)? {
        return Err(Error::new(Code::StoreServerReadOnly, format!("{place} takes no writes"))
            .why("it is a standby that follows another server")
            .into());
    }
    let others: i64 = row.try_get(3)?;
    if !row.try_get::<_, bool>(4)? {
        return Ok(if others == 0 { Found::Absent } else { Found::Foreign(others) });
    }
    check_rights(client, place).await?;
    let latest = format!("SELECT max(version) FROM {}.migration", quoted(&place.schema));
    let rows = client.query_typed(&latest, &[]).await?;
    let found: Option<i32> = rows.first().map_or(Ok(None), |row| row.try_get(0))?;
    Ok(found.map_or(Found::Foreign(others), Found::Ours))
}

const LOOK: &str = "SELECT current_setting('server_version_num')::integer,
    current_setting('server_version'), pg_is_in_recovery(),
    (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1),
    EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0
        WHERE n.nspname = $1 AND c.relname = 'migration' AND d.classoid = 'pg_class'::regclass
        AND d.description LIKE 'Laneway%')";

/// The names of what the user may not use of the schema.
const MISSING: &str = "SELECT coalesce(string_agg(missing.name, ', ' ORDER BY missing.name), '')
    FROM pg_namespace n CROSS JOIN LATERAL (
        SELECT c.relname::text AS name FROM pg_class c WHERE c.relnamespace = n.oid AND NOT CASE
            WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN c.relkind <> 'r'
            WHEN c.relkind = 'r' THEN has_table_privilege(c.oid, 'SELECT')
                AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                AND has_table_privilege(c.oid, 'DELETE')
            WHEN c.relname = 'job_seq' THEN has_sequence_privilege(c.oid, 'SELECT')
                AND has_sequence_privilege(c.oid, 'USAGE')
            ELSE true END
        UNION ALL SELECT 'functions' WHERE EXISTS (SELECT FROM pg_proc p
            WHERE p.pronamespace = n.oid AND NOT has_function_privilege(p.oid, 'EXECUTE'))
    ) AS missing WHERE n.nspname = $1";

/// Refuses at once what would fail with the first job.
async fn check_rights(client: &Client, place: &Place) -> Result<(), Error> {
    let asked = client.query_typed(MISSING, &[(&place.schema, Type::TEXT)]).await;
    let rows = asked.map_err(|error| Fault::Driver(error).into_error(place))?;
    let missing: String = rows
        .first()
        .map_or(Ok(String::new()), |row| row.try_get(0))
        .map_err(|error| Fault::Driver(error).into_error(place))?;
    if missing.is_empty() {
        return Ok(());
    }
    let Place { schema, user, .. } = place;
    let refused = format!("the user `{user}` may not work with the schema `{schema}`");
    let user = quoted_where_needed(user);
    Err(Error::new(Code::StoreAccessDenied, refused).why(format!("it may not use: {missing}")).fix(
        format!(
            "as the owner of the schema: GRANT USAGE ON SCHEMA {schema} TO {user}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {user}; \
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {user}; \
             GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {user}"
        ),
    ))
}

/// A name as a person would write it in SQL.
fn quoted_where_needed(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_plain);
    if is_word { name.to_owned() } else { quoted(name) }
}

/// Applies what is missing in one transaction, which others that want the same wait for.
async fn apply(client: &mut Client, schema: &str, place: &Place) -> Result<Vec<Migration>, Fault> {
    // What others did while this waited for them has to be seen.
    let builder = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let transaction = builder.start().await?;
    transaction
        .batch_execute(&format!(
            "SET LOCAL lock_timeout = '20s'; SELECT pg_advisory_xact_lock({}, -3)",
            lock(schema)
        ))
        .await?;
    let from = match look(transaction.client(), place).await? {
        Found::Absent => 0,
        Found::Ours(version) => version,
        Found::Foreign(count) => return Err(foreign(place, count).into()),
    };
    if from > version() {
        return Err(too_new(place, from).into());
    }
    let migrations = after(from, schema);
    for migration in &migrations {
        transaction.batch_execute(&migration.sql).await?;
    }
    transaction.commit().await?;
    Ok(migrations)
}

/// The migrations after a version, ready to be sent.
fn after(from: i32, schema: &str) -> Vec<Migration> {
    (1_i32..)
        .zip(MIGRATIONS)
        .filter(|(version, _)| *version > from)
        .map(|(version, (name, parts))| Migration {
            version,
            name,
            sql: sql(version, parts, schema),
        })
        .collect()
}

fn sql(version: i32, parts: &[&str], schema: &str) -> String {
    let quoted = quoted(schema);
    let mut sql;
    if version == 1 {
        sql = format!(
            "CREATE SCHEMA IF NOT EXISTS {quoted};\nSET LOCAL search_path = {quoted}, pg_temp;\n\
             CREATE TABLE migration (\n    version integer PRIMARY KEY,\n    \
             applied_at timestamptz NOT NULL DEFAULT now()\n);\n\
             COMMENT ON TABLE migration IS 'Laneway: versions of this schema';\n"
        );
    } else {
        sql = format!("SET LOCAL search_path = {quoted}, pg_temp;\n");
    }
    for part in parts {
        sql.push_str(&filled(part, schema));
    }
    format!("{sql}INSERT INTO migration (version) VALUES ({version});\n")
}

/// Fills in what depends on the schema's name, and the codes of this build's registry.
fn filled(part: &str, schema: &str) -> String {
    let code = |code: Code| code.to_string();
    part.replace("{schema}", &quoted(schema))
        .replace("{channel}", &literal(&format!("laneway:{schema}")))
        .replace("{lock}", &lock(schema).to_string())
        .replace("{cancelled}", &code(Code::JobCancelled))
        .replace("{unknown}", &code(Code::OutcomeUnknown))
        .replace("{poisonous}", &code(Code::JobPoisonous))
        .replace("{unreadable}", &code(Code::JobUnreadable))
        .replace("{runner_died}", &code(Code::RunnerDied))
        .replace("{timed_out}", &code(Code::AttemptTimedOut))
}

/// The class of the schema's advisory locks: FNV-1a of its name, so that it is the same in every
/// build and most likely nobody else's.
fn lock(schema: &str) -> i32 {
    let hash = format!("laneway:{schema}")
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.cast_signed()
}

fn foreign(place: &Place, count: i64) -> Error {
    let schema = &place.schema;
    Error::new(Code::StoreSchemaForeign, format!("the schema `{schema}` is not Laneway's"))
        .why(format!("it has {count} tables, indexes and the like of another program"))
        .fix("name a schema of its own in the URL, such as `?schema=laneway`; nothing was changed")
}

fn absent(place: &Place) -> Error {
    Error::new(
        Code::StoreUnavailable,
        format!("there is no store in the schema `{}` of {place} yet", place.schema),
    )
    .why("it is created by the first job that is enqueued or the first worker")
    .fix("start `laneway worker`, run `laneway migrate`, or name another store with `--store`")
}

/// The refusal to work with a schema that a later build has made or migrated.
pub(crate) fn too_new(place: &Place, found: i32) -> Error {
    Error::new(
        Code::StoreTooNew,
        format!("the schema `{}` was made by a newer Laneway", place.schema),
    )
    .why(format!("it has version {found}, this build knows {}", version()))
}

fn outdated(place: &Place, found: i32) -> Error {
    Error::new(
        Code::StoreSchemaOutdated,
        format!("the schema `{}` is older than this version of Laneway", place.schema),
    )
    .why(format!("it has version {found}, this build needs {}", version()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        let sql = &after(0, "laneway")[0].sql;
        let left = sql.match_indices('{').map(|(at, _)| &sql[at..(at + 12).min(sql.len())]);
        // The names of what is filled in begin with a letter; regular expressions have braces, too.
        let is_name = |text: &&str| text[1..].starts_with(|sign: char| sign.is_ascii_alphabetic());
        let left: Vec<_> = left.filter(is_name).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Processes of different builds must wait for each other.
    #[test]
    fn the_lock_of_a_schema_is_the_same_in_every_build() {
        assert_eq!(lock("laneway"), 1_618_644_965);
        assert_ne!(lock("laneway"), lock("laneway_test"));
    }
}
