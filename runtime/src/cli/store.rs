//! Opens the store that the configuration names.

use super::CliError;
use crate::schema::Schema;
use crate::service::Service;
use crate::settings::{Settings, redacted};
use crate::store::memory::MemoryStore;
use crate::store::{Store, StoreError};
use std::sync::Arc;

/// What is done to a store before it is used.
#[derive(Clone, Copy, Default)]
struct Opening {
    /// Bring it from an earlier version of the spec to this one.
    migrate: bool,
    /// Nothing: what is not there is not made.
    existing: bool,
}

/// Opens the store; makes its tables if there are none.
///
/// # Errors
/// [`StoreError::Foreign`]: it is another spec's (or an earlier one's: migrate), or another application's.
pub async fn open(settings: &Settings, schema: Arc<Schema>) -> Result<Arc<dyn Store>, StoreError> {
    open_as(settings, schema, Opening::default()).await
}

/// Opens the store of a service that has run, for a command that looks at it: nothing is made, so who is in the wrong folder
/// is told, and does not take an empty database for theirs.
pub(super) async fn existing(service: &Service, settings: &Settings) -> Result<Arc<dyn Store>, CliError> {
    let url = settings.store.url.as_str();
    if url.starts_with("memory:") {
        let why = "what is in memory is in the serving process alone, and gone with it";
        return Err(CliError::Build(format!("store.url is `{url}`: {why}")));
    }
    let opening = Opening { existing: true, ..Opening::default() };
    open_as(settings, service.schema.clone(), opening).await.map_err(|error| match error {
        StoreError::Missing(why) => CliError::Build(format!("store.url is `{}`: {why}", redacted(url))),
        other => other.into(),
    })
}

async fn open_as(
    settings: &Settings,
    schema: Arc<Schema>,
    opening: Opening,
) -> Result<Arc<dyn Store>, StoreError> {
    #[cfg(any(feature = "postgres", feature = "etcd"))]
    let Opening { migrate, existing } = opening;
    let url = settings.store.url.as_str();
    match url.split_once(':') {
        Some(("memory", _)) => Ok(Arc::new(MemoryStore::new(schema))),
        #[cfg(feature = "sqlite")]
        Some(("sqlite", path)) => sqlite(path, schema, opening).await,
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => {
            use crate::store::postgres::{Options, PostgresStore};
            let connections = settings.store.connections;
            let options = Options {
                connections,
                migrate,
                existing,
                #[cfg(feature = "postgres-tls")]
                tls_authority: settings.store.tls_authority.clone(),
                ..Options::default()
            };
            Ok(Arc::new(PostgresStore::open(url, schema, options).await?))
        }
        #[cfg(feature = "etcd")]
        Some(("etcd", _)) => {
            use crate::store::etcd::{EtcdStore, Options};
            let tls_authority = settings.store.tls_authority.clone();
            let options = Options { migrate, existing, tls_authority, ..Options::default() };
            Ok(Arc::new(EtcdStore::open(url, schema, options).await?))
        }
        // The configuration was checked for what this program has.
        _ => Err(StoreError::Unavailable(format!("no store is called `{}`", redacted(url)))),
    }
}

#[cfg(feature = "sqlite")]
async fn sqlite(path: &str, schema: Arc<Schema>, opening: Opening) -> Result<Arc<dyn Store>, StoreError> {
    use crate::store::sqlite::{Options, SqliteStore};
    let Opening { migrate, existing } = opening;
    let path = std::path::PathBuf::from(path.strip_prefix("//").unwrap_or(path));
    let options = Options { migrate, existing, ..Options::default() };
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path, schema, options)).await;
    let store = opened.map_err(|e| StoreError::Unavailable(e.to_string()))??;
    Ok(Arc::new(store))
}

/// Makes the tables, or brings them up to this spec.
pub(super) async fn migrate(service: &Service, settings: &Settings) -> Result<(), CliError> {
    let opening = Opening { migrate: true, ..Opening::default() };
    open_as(settings, service.schema.clone(), opening).await?;
    println!("{} is at spec {}", redacted(&settings.store.url), service.schema.spec());
    Ok(())
}
