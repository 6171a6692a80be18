//! `laneway migrate`.

use clap::Args;
use laneway_core::error::Error;
#[cfg(feature = "postgres")]
use serde_json::json;

use super::{Context, block_on};
use crate::store_url::{Place, ServerKind, StoreUrl};

/// Arguments of `laneway migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Show the SQL of what is missing, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(arguments: &MigrateArgs, context: &mut Context) -> Result<u8, Error> {
    let url = context.settings()?.store.value;
    match url.place() {
        Place::Server(server) if server.kind() == ServerKind::Postgres => {
            migrate_postgres(&url, server, arguments, context)
        }
        Place::File(_) | Place::Memory | Place::Server(_) => by_itself(&url, context),
    }
}

/// Other stores bring themselves up to date when they are opened.
fn by_itself(url: &StoreUrl, context: &mut Context) -> Result<u8, Error> {
    block_on(async { crate::connect(url).await.map(drop) })?;
    context.output.note("this store brings itself up to date; there is nothing to migrate");
    Ok(0)
}

#[cfg(feature = "postgres")]
fn migrate_postgres(
    url: &StoreUrl,
    server: &crate::store_url::Server,
    arguments: &MigrateArgs,
    context: &mut Context,
) -> Result<u8, Error> {
    let options = crate::connect::postgres_options(url, server)?;
    let is_dry = arguments.dry_run;
    let migrations = block_on(async {
        if is_dry {
            laneway_postgres::pending(&options).await
        } else {
            laneway_postgres::migrate(&options).await
        }
    })?;
    let output = &mut context.output;
    for migration in &migrations {
        let (version, name) = (migration.version, migration.name);
        if output.is_json() {
            output.json(json!({
                "version": version,
                "name": name,
                "is_applied": !is_dry,
                "sql": is_dry.then_some(migration.sql.as_str()),
            }));
        } else if is_dry {
            output.line(&format!("-- {version}: {name}\nBEGIN;\n{}COMMIT;", migration.sql));
        } else {
            output.line(&format!("{version}: {name}"));
        }
    }
    if migrations.is_empty() {
        output.note("the schema is up to date");
    }
    Ok(0)
}

#[cfg(not(feature = "postgres"))]
fn migrate_postgres(
    url: &StoreUrl,
    _: &crate::store_url::Server,
    _: &MigrateArgs,
    context: &mut Context,
) -> Result<u8, Error> {
    by_itself(url, context)
}
