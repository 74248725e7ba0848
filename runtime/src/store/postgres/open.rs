//! Connecting, making the tables, refusing what is not ours.

use super::codec::{describe, error};
use super::locks;
use super::tables::{LATER, LAYOUT, SYSTEM};
use crate::schema::Schema;
use crate::store::StoreError;
use crate::store::migrate::{Upgrade, earlier_of, earlier_text};
use crate::store::sql::Tables;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use smol_str::SmolStr;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// How to use a database.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most connections.
    pub connections: usize,
    /// How long to wait for a connection, and for its being made.
    pub connect_timeout: Duration,
    /// How long a transition waits for a lock before it is a conflict.
    pub lock_timeout: Duration,
    /// Brings the tables from an earlier version of the spec to this one, if that can be done without a decision
    /// ([`crate::store::migrate`]). No other process may be serving.
    pub migrate: bool,
    /// Opens what is there and makes nothing: a database without tables is [`StoreError::Missing`].
    pub existing: bool,
    /// Whose certificate the server must show (PEM). Without one, connections are not encrypted.
    #[cfg(feature = "postgres-tls")]
    pub tls_authority: Option<std::path::PathBuf>,
    /// After how long the server gives up a statement, or a transaction whose client has gone silent.
    pub statement_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            connections: 16,
            connect_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            migrate: false,
            existing: false,
            #[cfg(feature = "postgres-tls")]
            tls_authority: None,
            statement_timeout: Duration::from_secs(15),
        }
    }
}

/// A pool of connections, none made yet.
pub(super) fn pool(url: &str, options: &Options) -> Result<Pool, StoreError> {
    let config = tokio_postgres::Config::from_str(url);
    let mut config =
        config.map_err(|e| StoreError::Unavailable(format!("the URL is wrong: {}", describe(&e))))?;
    // An acknowledged commit is on the disk, whatever the database's default is.
    let settings = format!(
        "-c synchronous_commit=on -c lock_timeout={} -c statement_timeout={} -c idle_in_transaction_session_timeout={} \
         -c default_transaction_isolation=read\\ committed",
        options.lock_timeout.as_millis(),
        options.statement_timeout.as_millis(),
        options.statement_timeout.as_millis(),
    );
    config.options(format!("{} {settings}", config.get_options().unwrap_or_default()).trim());
    config.application_name("arch-runtime").connect_timeout(options.connect_timeout);
    Pool::builder(manager(config, options)?)
        .max_size(options.connections)
        .wait_timeout(Some(options.connect_timeout))
        .create_timeout(Some(options.connect_timeout))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|e| StoreError::Unavailable(e.to_string()))
}

const MANAGER: ManagerConfig = ManagerConfig { recycling_method: RecyclingMethod::Fast };

#[cfg(not(feature = "postgres-tls"))]
fn manager(config: tokio_postgres::Config, _: &Options) -> Result<Manager, StoreError> {
    Ok(Manager::from_config(config, NoTls, MANAGER))
}

/// With an authority, a connection without TLS is none.
#[cfg(feature = "postgres-tls")]
fn manager(mut config: tokio_postgres::Config, options: &Options) -> Result<Manager, StoreError> {
    use tokio_postgres::config::SslMode;
    let Some(path) = &options.tls_authority else {
        return Ok(Manager::from_config(config, NoTls, MANAGER));
    };
    let client = crate::serve::tls::client("store.tls_authority", path, None);
    let client = client.map_err(|e| StoreError::Unavailable(e.to_string()))?;
    config.ssl_mode(SslMode::Require);
    Ok(Manager::from_config(config, tokio_postgres_rustls::MakeRustlsConnect::new(client), MANAGER))
}

/// A connection.
pub(super) async fn client(pool: &Pool) -> Result<Object, StoreError> {
    pool.get().await.map_err(|e| match e {
        deadpool_postgres::PoolError::Backend(e) => StoreError::Unavailable(describe(&e)),
        other => StoreError::Unavailable(other.to_string()),
    })
}

/// Makes the tables if they are not there and may be made, else makes sure that they are this service's.
pub(super) async fn prepare(
    client: &mut Object,
    schema: &Schema,
    tables: &Tables,
    options: &Options,
) -> Result<Vec<SmolStr>, StoreError> {
    let transaction = client.transaction().await.map_err(error)?;
    let take = transaction.prepare(locks::TAKE).await.map_err(error)?;
    locks::take(transaction.client(), &take, &[locks::of_tables()]).await?;
    let there =
        transaction.query_one("SELECT to_regclass('arch_meta') IS NOT NULL", &[]).await.map_err(error)?;
    if there.get::<_, bool>(0) {
        recognise(transaction.client(), schema, tables, options.migrate).await?;
        complete(transaction.client()).await?;
        freeze(transaction.client()).await?;
    } else if options.existing {
        return Err(StoreError::missing("the database has no table of this service"));
    } else {
        transaction.batch_execute(SYSTEM).await.map_err(error)?;
        for create in tables.creates() {
            transaction.batch_execute(create).await.map_err(error)?;
        }
        let sql = "INSERT INTO arch_meta (key, value) VALUES ('layout', $1), ('spec', $2), ('schema', $3)";
        let values = (LAYOUT, schema.spec().as_str(), schema.to_json());
        transaction.execute(sql, &[&values.0, &values.1, &values.2]).await.map_err(error)?;
    }
    let earlier = earlier_of(meta(transaction.client(), "earlier").await?.as_deref());
    transaction.commit().await.map_err(error)?;
    Ok(earlier)
}

async fn upgrade(
    client: &Client,
    schema: &Schema,
    tables: &Tables,
    upgrade: &Upgrade,
) -> Result<(), StoreError> {
    let earlier = upgrade.earlier(meta(client, "earlier").await?.as_deref());
    for sql in tables.migration(&upgrade.migration, schema, earlier.len()) {
        client.batch_execute(&sql).await.map_err(error)?;
    }
    let sql = "INSERT INTO arch_meta (key, value) VALUES ('spec', $1), ('schema', $2), ('earlier', $3)
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let (spec, json, earlier) = (schema.spec().as_str(), schema.to_json(), earlier_text(&earlier));
    client.execute(sql, &[&spec, &json, &earlier]).await.map(drop).map_err(error)
}

async fn meta(client: &Client, key: &str) -> Result<Option<String>, StoreError> {
    let found =
        client.query_opt("SELECT value FROM arch_meta WHERE key = $1", &[&key]).await.map_err(error)?;
    Ok(found.map(|row| row.get(0)))
}

async fn recognise(
    client: &Client,
    schema: &Schema,
    tables: &Tables,
    migrate: bool,
) -> Result<(), StoreError> {
    let foreign = |why: String| Err(StoreError::Foreign(format!("not this service's database: {why}")));
    let (layout, spec) = (meta(client, "layout").await?, meta(client, "spec").await?);
    match (layout.as_deref(), spec) {
        (Some(LAYOUT), Some(spec)) if spec == *schema.spec() => {}
        (Some(LAYOUT), Some(_)) => {
            let stored = meta(client, "schema").await?.unwrap_or_default();
            return match Upgrade::of(&stored, schema) {
                Ok(by) if migrate => upgrade(client, schema, tables, &by).await,
                Ok(by) => foreign(by.wanted(schema)),
                Err(why) => foreign(why),
            };
        }
        (layout, _) => {
            let layout = layout.unwrap_or("unknown");
            return foreign(format!("its layout is version {layout}, this runtime's is {LAYOUT}"));
        }
    }
    if meta(client, "schema").await?.as_deref() != Some(&schema.to_json()) {
        return foreign("its schema is another, though the spec is the same".into());
    }
    Ok(())
}

/// Adds the columns that a database lacks which was made before there were any.
async fn complete(client: &Client) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_attribute
                 WHERE attrelid = 'arch_outbox'::regclass AND attname = 'revived' AND NOT attisdropped)";
    // Only then: the database may be read-only, and can still be read.
    if !client.query_one(sql, &[]).await.map_err(error)?.get::<_, bool>(0) {
        client.batch_execute(LATER).await.map_err(error)?;
    }
    Ok(())
}

/// After a restore into another cluster the transaction ids of old entries mean nothing, and may lie in the future. They are
/// replaced by 0: such entries are in the order of `seq`, which is as good, and all of them are over.
async fn freeze(client: &Client) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM arch_journal
                 WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)";
    let foreign = client.query_one(sql, &[]).await.map_err(error)?;
    // Only then: the database may be read-only, and can still be read.
    if foreign.get(0) {
        client.batch_execute("UPDATE arch_journal SET xid = 0").await.map_err(error)?;
    }
    Ok(())
}
