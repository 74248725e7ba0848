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
    let url = settings.store.url.as_str();
    match url.split_once(':') {
        Some(("memory", _)) => Ok(Arc::new(MemoryStore::new(schema))),
        #[cfg(feature = "sqlite")]
        Some(("sqlite", path)) => sqlite(path, schema).await,
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => {
            let store = crate::store::postgres::PostgresStore::open(url, schema, postgres(settings)).await?;
            Ok(Arc::new(store))
        }
        // The configuration was checked for what this program has.
        _ => Err(StoreError::Unavailable(format!("no store is called `{}`", crate::settings::redacted(url)))),
    }
}

#[cfg(feature = "sqlite")]
async fn sqlite(path: &str, schema: Arc<Schema>) -> Result<Arc<dyn Store>, StoreError> {
    use crate::store::sqlite::{Options, SqliteStore};
    let path = std::path::PathBuf::from(path.strip_prefix("//").unwrap_or(path));
    let opened =
        tokio::task::spawn_blocking(move || SqliteStore::open(&path, schema, Options::default())).await;
    let store = opened.map_err(|e| StoreError::Unavailable(e.to_string()))??;
    Ok(Arc::new(store))
}

#[cfg(feature = "postgres")]
fn postgres(settings: &Settings) -> crate::store::postgres::Options {
    crate::store::postgres::Options { connections: settings.store.connections, ..Default::default() }
}

/// Makes the tables, or brings them up to this spec.
pub(super) async fn migrate(service: &Service, settings: &Settings) -> Result<(), CliError> {
    open(settings, service.schema.clone()).await?;
    println!("{} is at spec {}", crate::settings::redacted(&settings.store.url), service.schema.spec());
    Ok(())
}
