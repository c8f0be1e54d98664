//! The door: how many connections there may be, in all and from one address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts who is in.
#[derive(Debug)]
pub(super) struct Door {
    most: usize,
    most_per_address: usize,
    inside: Mutex<BTreeMap<IpAddr, usize>>,
}

/// A place inside; dropping it leaves.
#[derive(Debug)]
pub(super) struct Place {
    door: Arc<Door>,
    address: IpAddr,
}

impl Door {
    /// A door for so many.
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self { most, most_per_address, inside: Mutex::default() }
    }

    /// Lets `address` in, unless it or all together are too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        // An IPv4 client is the same client when it comes over a socket for both.
        let address = address.to_canonical();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = inside.values().sum();
        let here = inside.entry(address).or_default();
        if all >= self.most || *here >= self.most_per_address {
            if *here == 0 {
                inside.remove(&address);
            }
            return None;
        }
        *here = here.saturating_add(1);
        crate::http::metrics::connections(all.saturating_add(1));
        Some(Place { door: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.door.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = inside.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                inside.remove(&self.address);
            }
        }
        crate::http::metrics::connections(inside.values().sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let door = Arc::new(Door::new(3, 2));
        let [a, b, c] = ["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        let first = door.enter(a).unwrap();
        let _second = door.enter(c).unwrap();
        assert!(door.enter(a).is_none(), "one address has at most two");
        let _third = door.enter(b).unwrap();
        assert!(door.enter(b).is_none(), "all together have at most three");
        drop(first);
        assert!(door.enter(b).is_some());
        assert_eq!(door.inside.lock().unwrap().len(), 2);
    }
}
