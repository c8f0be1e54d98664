//! What a backend of keys and values must be able to do, and values that are larger than it takes.

use std::collections::BTreeMap;

use super::Error;
use super::codec::{self, Pieces, damaged};
use super::keys::{self, KeyRange};

/// Bytes of a value that stands under one key; larger ones are cut in pieces. Sled keeps a page of up to 16
/// values (a few more while pages are merged) together, and moves a page that is larger than a quarter of its
/// segment into a file of its own, which nothing makes durable; see `SEGMENT_BYTES` in `sled.rs`.
pub(super) const PIECE_BYTES_MAX: usize = 8 * 1024;

/// A key with its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// A backend: sorted keys with values. What it loses is written again from the journal.
pub(super) trait Kv: Send + Sync + std::fmt::Debug {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The first keys of a range with their values, in the order of the keys.
    fn range(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>, Error>;

    /// The first keys of a range, in their order.
    fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<Vec<u8>>, Error>;

    /// Writes a batch: after a crash all of it is there or nothing, and nothing that was written later is there
    /// without what was written before.
    fn apply(&self, batch: &Batch) -> Result<(), Error>;

    /// Makes everything that was applied durable.
    fn sync(&self) -> Result<(), Error>;

    /// Opens it, or opens it again after a failure. What was applied and not synced may be gone afterwards.
    fn open(&self) -> Result<(), Error>;

    /// Puts what is there aside and begins with nothing; says where it was put.
    fn renew(&self) -> Result<String, Error>;
}

/// What is written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// By key; `None` removes.
    pub(super) writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// Reads a value, from its pieces when it has any.
pub(super) fn load(kv: &dyn Kv, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    kv.get(key)?.map(|value| whole(kv, key, value)).transpose()
}

/// Puts the pieces of a value together, when it has any.
pub(super) fn whole(kv: &dyn Kv, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, Error> {
    let Some(pieces) = codec::decode_pieces(key, &value)? else { return Ok(value) };
    let mut bytes = Vec::with_capacity(pieces.bytes.min(crate::model::limit::STORED_BYTES_MAX));
    for index in 0..pieces.pieces {
        let missing = || damaged(key, format!("piece {index} of {} is missing", pieces.pieces));
        bytes.extend(kv.get(&keys::piece(key, index))?.ok_or_else(missing)?);
    }
    if bytes.len() != pieces.bytes {
        return Err(damaged(key, format!("its pieces have {} bytes instead of {}", bytes.len(), pieces.bytes)));
    }
    Ok(bytes)
}

impl Batch {
    /// Puts a value in place of the one before, in pieces when it is large.
    pub(super) fn put(&mut self, kv: &dyn Kv, key: &[u8], value: Vec<u8>) -> Result<(), Error> {
        self.drop_pieces(kv, key)?;
        let stored = if value.len() <= PIECE_BYTES_MAX { value } else { self.cut(key, &value)? };
        self.writes.insert(key.to_vec(), Some(stored));
        Ok(())
    }

    /// Puts a value that is never large.
    pub(super) fn put_small(&mut self, key: &[u8], value: Vec<u8>) {
        self.writes.insert(key.to_vec(), Some(value));
    }

    /// Removes a key with its value and its pieces.
    pub(super) fn remove(&mut self, kv: &dyn Kv, key: &[u8]) -> Result<(), Error> {
        self.drop_pieces(kv, key)?;
        self.writes.insert(key.to_vec(), None);
        Ok(())
    }

    fn cut(&mut self, key: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
        let mut pieces = 0;
        for piece in value.chunks(PIECE_BYTES_MAX) {
            self.writes.insert(keys::piece(key, pieces), Some(piece.to_vec()));
            pieces += 1;
        }
        codec::encode_pieces(key, Pieces { pieces, bytes: value.len() })
    }

    fn drop_pieces(&mut self, kv: &dyn Kv, key: &[u8]) -> Result<(), Error> {
        let Some(old) = kv.get(key)? else { return Ok(()) };
        let count = codec::decode_pieces(key, &old)?.map_or(0, |pieces| pieces.pieces);
        for index in 0..count {
            self.writes.insert(keys::piece(key, index), None);
        }
        Ok(())
    }
}
