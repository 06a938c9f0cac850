//! Uuids as Kafka prints them: 16 bytes in URL-safe base64 without padding, 22 characters.

use uuid::Uuid;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const CHARACTERS: usize = 22;
/// 22 characters hold 132 bits; the last four are zero.
const SPARE_BITS: u32 = 4;

pub fn encode(id: Uuid) -> String {
    let bits = id.as_u128();
    let sextet = |at: usize| {
        let shift = 128 - 6 * (at as i32 + 1);
        let value = if shift >= 0 {
            bits >> shift
        } else {
            bits << -shift
        };
        ALPHABET
            .get((value & 63) as usize)
            .map_or('A', |byte| *byte as char)
    };
    (0..CHARACTERS).map(sextet).collect()
}

pub fn decode(text: &str) -> Option<Uuid> {
    let text = text.trim_end_matches('=');
    if text.len() != CHARACTERS {
        return None;
    }
    let (head, last) = text.split_at_checked(CHARACTERS - 1)?;
    let sextet = |byte: u8| ALPHABET.iter().position(|known| *known == byte);
    let mut bits = 0u128;
    for byte in head.bytes() {
        bits = bits << 6 | sextet(byte)? as u128;
    }
    let last = sextet(last.bytes().next()?)? as u128;
    Some(Uuid::from_u128(
        bits << (6 - SPARE_BITS) | last >> SPARE_BITS,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_kafka() {
        // org.apache.kafka.common.Uuid's metadata topic id and zero.
        assert_eq!(encode(Uuid::from_u128(1)), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(encode(Uuid::nil()), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(decode("AAAAAAAAAAAAAAAAAAAAAQ"), Some(Uuid::from_u128(1)));
        assert_eq!(decode("short"), None);
        assert_eq!(decode("AAAAAAAAAAAAAAAAAAAA!Q"), None);
    }

    #[test]
    fn round_trips() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            let id = Uuid::from_u128(bits);
            assert_eq!(decode(&encode(id)), Some(id));
        }
    }
}
