//! Signatures as Standard Webhooks has them: HMAC-SHA-256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// Bytes that a secret has at least.
const BYTES_MIN: usize = 24;

/// The key in a secret.
pub(super) fn key(secret: &str) -> Result<Vec<u8>, String> {
    let key = secret.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
    key.filter(|key| key.len() >= BYTES_MIN)
        .ok_or_else(|| format!("the secret is written `{PREFIX}` and the base64 of at least {BYTES_MIN} random bytes"))
}

/// The value of the header `webhook-signature`.
pub(super) fn signature(key: &[u8], id: &str, seconds: &str, body: &str) -> String {
    // A key of any length is taken; one that is not can't sign, and nobody accepts that.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The example of the specification.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let said = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(said, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for secret in ["", "whsec_", "whsec_%%%", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(key(secret).is_err(), "{secret}");
        }
    }
}
