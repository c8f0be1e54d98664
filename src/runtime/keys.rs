//! API keys: `gk_ID_SECRET`. The secret is shown once; its SHA-256 is kept (ASVS 11.2.4). It has 256 random
//! bits, so a fast hash is right for it: there is nothing to guess.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::model::{Actor, Name, Timestamp};
use crate::store::{self, Item, KeyRecord, Shared};

use super::rows::Reads;
use super::{Failure, Runtime, not_found, random};

/// What every key begins with, so that leaked ones can be found.
const PREFIX: &str = "gk_";

/// The keys by id.
#[derive(Debug)]
pub(super) struct Keys(RwLock<BTreeMap<Name, KeyRecord>>);

impl Keys {
    pub(super) fn load(store: &Shared) -> Result<Self, store::Error> {
        let keys = store.keys()?.into_iter().map(|key| (Arc::clone(&key.id), key));
        Ok(Self(RwLock::new(keys.collect())))
    }

    fn get(&self, id: &str) -> Option<KeyRecord> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn put(&self, key: KeyRecord) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&key.id), key);
    }
}

impl Runtime {
    /// The actor behind an API key, when it is valid now. Takes the same time for every wrong key.
    #[must_use]
    pub fn authenticate(&self, key: &str) -> Option<Actor> {
        let (id, secret) = key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).unwrap_or_default();
        let known = self.0.keys.get(id);
        let expected = known.as_ref().map_or_else(|| hash("no such key"), |known| known.secret_sha256.to_string());
        let same: bool = hash(secret).as_bytes().ct_eq(expected.as_bytes()).into();
        let known = known.filter(|known| same && known.revoked_at.is_none())?;
        if known.expires_at.is_some_and(|end| end <= self.now()) {
            return None;
        }
        Some(Actor { user: known.user, roles: known.roles })
    }

    /// Every API key.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyRecord> {
        self.0.keys.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Makes an API key; the second value is the key itself, which is never stored.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn create_key(
        &self,
        user: &str,
        roles: BTreeSet<Name>,
        expires_at: Option<Timestamp>,
    ) -> Result<(KeyRecord, String), Failure> {
        let (record, key) = new_key(user, roles, expires_at, self.now())?;
        self.add_key(record.clone()).await?;
        Ok((record, key))
    }

    /// Stores a key whose secret was chosen elsewhere (the first admin key, from the environment).
    ///
    /// # Errors
    /// When `key` is not of the form `gk_ID_SECRET`, or can't be stored.
    pub async fn import_key(&self, key: &str, user: &str, roles: BTreeSet<Name>) -> Result<KeyRecord, Failure> {
        let parts = key.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let Some((id, secret)) = parts.filter(|(id, secret)| !id.is_empty() && secret.len() >= 20) else {
            let form = "an API key is written gk_ID_SECRET with a secret of at least 20 characters";
            return Err(Failure::BadQuery(form.to_owned()));
        };
        let record = record(id, secret, user, roles, None, self.now());
        self.add_key(record.clone()).await?;
        Ok(record)
    }

    async fn add_key(&self, record: KeyRecord) -> Result<(), Failure> {
        self.settle(|| self.commit(Item::Key(record.clone()), Reads::default())).await?;
        self.0.keys.put(record);
        Ok(())
    }

    /// Revokes an API key.
    ///
    /// # Errors
    /// When there is no such key, or the change can't be stored.
    pub async fn revoke_key(&self, id: &str) -> Result<KeyRecord, Failure> {
        let mut key = self.0.keys.get(id).ok_or_else(|| not_found("key", id))?;
        key.revoked_at.get_or_insert(self.now());
        self.add_key(key.clone()).await?;
        Ok(key)
    }
}

/// Makes a key: what is stored, and the key itself.
pub(super) fn new_key(
    user: &str,
    roles: BTreeSet<Name>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(KeyRecord, String), Failure> {
    let id = format!("{:012x}", random()? >> 80);
    let secret = format!("{:032x}{:032x}", random()?, random()?);
    let key = format!("{PREFIX}{id}_{secret}");
    Ok((record(&id, &secret, user, roles, expires_at, now), key))
}

fn record(
    id: &str,
    secret: &str,
    user: &str,
    roles: BTreeSet<Name>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> KeyRecord {
    let skip = secret.chars().count().saturating_sub(4);
    KeyRecord {
        id: id.into(),
        secret_sha256: hash(secret).into(),
        last4: secret.chars().skip(skip).collect::<String>().into(),
        user: user.into(),
        roles,
        created_at: now,
        expires_at,
        revoked_at: None,
    }
}

fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
