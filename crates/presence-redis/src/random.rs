//! Random numbers where their quality does not matter much.

use uuid::Uuid;

/// A number from 0 to below 1.
pub(crate) fn fraction() -> f64 {
    // The top 53 of 122 random bits, as many as a float holds.
    let bits = u64::try_from(Uuid::new_v4().as_u128() >> 75).unwrap_or(0);
    bits as f64 / (1_u64 << 53) as f64
}

/// A name that nobody else has: 32 hexadecimal digits.
pub(crate) fn name() -> String {
    Uuid::new_v4().simple().to_string()
}
