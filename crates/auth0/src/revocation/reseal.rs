//! The end of a change of the revocation secret: all records are sealed under the new one.

use doorward_core::{
    host::{PortFuture, all},
    store::{self, StoreKey},
};

use super::{
    RevocationSettings,
    record::{
        MAX_CONCURRENT_WRITES, MAX_WRITE_ATTEMPTS, RECORDS, Record, VERIFY_DELAY, WriteError,
        changed_all_the_time, read, store_key,
    },
};
use crate::Tenant;

/// Seals all records under the current secret, also those that are absent: what is written later
/// is sealed like that, too.
///
/// # Errors
///
/// Returns `Store` if the store fails, or if others keep changing the same record.
pub(super) async fn reseal(
    tenant: &Tenant<'_>,
    settings: &RevocationSettings,
) -> Result<(), WriteError> {
    let users = (0..RECORDS).map(|number| number.to_string());
    let records = std::iter::once(String::new()).chain(users);
    let keys: Vec<StoreKey> = records.map(|record| store_key(tenant, &record)).collect();
    for some in keys.chunks(MAX_CONCURRENT_WRITES) {
        let writes = some
            .iter()
            .map(|key| -> PortFuture<'_, _> { Box::pin(reseal_record(tenant, settings, key)) });
        for outcome in all(writes).await {
            outcome?;
        }
    }
    Ok(())
}

async fn reseal_record(
    tenant: &Tenant<'_>,
    settings: &RevocationSettings,
    key: &StoreKey,
) -> Result<(), WriteError> {
    // Somebody may write it under the previous secret meanwhile, which is nothing to log.
    let current = tenant.store().with_callers_sealer(&settings.sealer);
    for _ in 0..MAX_WRITE_ATTEMPTS {
        let (stored, _) = read(tenant, settings, key).await?;
        let record = Record::open(tenant, stored).unwrap_or_else(|unknown| unknown);
        current.set(key, record.to_json().to_string().as_bytes()).await?;
        tenant.host().sleep(VERIFY_DELAY).await;
        if matches!(current.read(key).await?, store::Record::Opened(_)) {
            return Ok(());
        }
    }
    Err(changed_all_the_time())
}
