//! Opens the store that the configuration names.

use super::CliError;
use crate::schema::Schema;
use crate::service::Service;
use crate::settings::Settings;
use crate::store::memory::MemoryStore;
use crate::store::{Store, StoreError};
use std::sync::Arc;

/// Opens the store; makes its tables if there are none.
///
/// # Errors
/// [`StoreError::Foreign`]: it is another spec's (or an earlier one's: migrate), or another application's.
pub async fn open(settings: &Settings, schema: Arc<Schema>) -> Result<Arc<dyn Store>, StoreError> {
    open_or_migrate(settings, schema, false).await
}

async fn open_or_migrate(
    settings: &Settings,
    schema: Arc<Schema>,
    migrate: bool,
) -> Result<Arc<dyn Store>, StoreError> {
    let url = settings.store.url.as_str();
    match url.split_once(':') {
        Some(("memory", _)) => Ok(Arc::new(MemoryStore::new(schema))),
        #[cfg(feature = "sqlite")]
        Some(("sqlite", path)) => sqlite(path, schema, migrate).await,
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => {
            use crate::store::postgres::{Options, PostgresStore};
            let connections = settings.store.connections;
            let options = Options {
                connections,
                migrate,
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
            let options = Options { migrate, tls_authority, ..Options::default() };
            Ok(Arc::new(EtcdStore::open(url, schema, options).await?))
        }
        // The configuration was checked for what this program has.
        _ => Err(StoreError::Unavailable(format!("no store is called `{}`", crate::settings::redacted(url)))),
    }
}

#[cfg(feature = "sqlite")]
async fn sqlite(path: &str, schema: Arc<Schema>, migrate: bool) -> Result<Arc<dyn Store>, StoreError> {
    use crate::store::sqlite::{Options, SqliteStore};
    let path = std::path::PathBuf::from(path.strip_prefix("//").unwrap_or(path));
    let options = Options { migrate, ..Options::default() };
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(&path, schema, options)).await;
    let store = opened.map_err(|e| StoreError::Unavailable(e.to_string()))??;
    Ok(Arc::new(store))
}

/// Makes the tables, or brings them up to this spec.
pub(super) async fn migrate(service: &Service, settings: &Settings) -> Result<(), CliError> {
    open_or_migrate(settings, service.schema.clone(), true).await?;
    println!("{} is at spec {}", crate::settings::redacted(&settings.store.url), service.schema.spec());
    Ok(())
}
