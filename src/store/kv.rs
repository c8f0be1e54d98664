//! What a backend of keys and values must be able to do, and values that are larger than it takes.

use std::collections::BTreeMap;

use super::Error;
use super::codec::{self, Pieces, Stored, damaged};
use super::keys::{self, KeyRange};

/// Bytes of a value that stands under one key; larger ones are cut in pieces. Sled keeps a page of up to 16
/// values (a few more while pages are merged) together, and moves a page that is larger than a quarter of its
/// segment into a file of its own, which nothing makes durable; see `SEGMENT_BYTES` in `sled.rs`.
pub(super) const PIECE_BYTES_MAX: usize = 8 * 1024;

/// A key with its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// A backend: sorted keys with values.
pub trait Kv: Send + Sync + std::fmt::Debug {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The first keys of a range with their values, in the order of the keys.
    fn range(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>, Error>;

    /// The first keys of a range, in their order.
    fn keys(&self, range: &KeyRange, limit: usize) -> Result<Vec<Vec<u8>>, Error>;

    /// The last key of a range with its value.
    fn last(&self, range: &KeyRange) -> Result<Option<Pair>, Error>;

    /// Writes a batch: after a crash all of it is there or nothing.
    fn apply(&self, batch: &Batch) -> Result<(), Error>;

    /// Makes everything that was applied durable.
    fn sync(&self) -> Result<(), Error>;

    /// Called after a failure, before anything is read for the next commit: gets ready to write again. What
    /// was applied and not made durable may be gone afterwards.
    fn heal(&self) -> Result<(), Error>;
}

/// What is written together: values to put, and keys to remove.
#[derive(Debug, Default)]
pub struct Batch {
    /// By key; `None` removes.
    pub writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// Reads the bytes that stand under one key.
pub(super) type Get<'a> = &'a dyn Fn(&[u8]) -> Result<Option<Vec<u8>>, Error>;

/// Reads a value, from its pieces when it has any.
pub(super) fn load(get: Get<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    get(key)?.map(|value| whole(get, key, value)).transpose()
}

/// Reads and decodes a value.
pub(super) fn read<T: Stored>(get: Get<'_>, key: &[u8]) -> Result<Option<T>, Error> {
    load(get, key)?.map(|bytes| codec::decode(key, &bytes)).transpose()
}

/// Puts the pieces of a value together, when it has any.
pub(super) fn whole(get: Get<'_>, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, Error> {
    let Some(pieces) = codec::decode_pieces(key, &value)? else { return Ok(value) };
    let mut bytes = Vec::with_capacity(pieces.bytes.min(crate::model::limit::STORED_BYTES_MAX));
    for index in 0..pieces.pieces {
        let missing = || damaged(key, format!("piece {index} of {} is missing", pieces.pieces));
        bytes.extend(get(&keys::piece(key, index))?.ok_or_else(missing)?);
    }
    if bytes.len() != pieces.bytes {
        return Err(damaged(key, format!("its pieces have {} bytes instead of {}", bytes.len(), pieces.bytes)));
    }
    Ok(bytes)
}

impl Batch {
    /// Puts a value under a key that has none yet, in pieces when it is large.
    pub(super) fn put_new(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), Error> {
        let stored = if value.len() <= PIECE_BYTES_MAX { value } else { self.cut(&key, &value)? };
        self.writes.insert(key, Some(stored));
        Ok(())
    }

    /// Encodes and puts a value in place of the one before.
    pub(super) fn write<T: Stored>(&mut self, kv: &dyn Kv, key: Vec<u8>, value: &T) -> Result<(), Error> {
        let bytes = codec::encode(&key, value)?;
        self.drop_pieces(kv, &key)?;
        self.put_new(key, bytes)
    }

    /// Puts a key without a value.
    pub(super) fn mark(&mut self, key: Vec<u8>) {
        self.writes.insert(key, Some(Vec::new()));
    }

    /// Removes a key with its value and its pieces.
    pub(super) fn remove(&mut self, kv: &dyn Kv, key: Vec<u8>) -> Result<(), Error> {
        self.drop_pieces(kv, &key)?;
        self.writes.insert(key, None);
        Ok(())
    }

    /// The value as it will be once the batch is applied.
    pub(super) fn get(&self, kv: &dyn Kv, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => kv.get(key),
        }
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
        let Some(old) = self.get(kv, key)? else { return Ok(()) };
        let count = codec::decode_pieces(key, &old)?.map_or(0, |pieces| pieces.pieces);
        for index in 0..count {
            self.writes.insert(keys::piece(key, index), None);
        }
        Ok(())
    }
}
