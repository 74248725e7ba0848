//! Keys as numbers of as few bits as they need.
//!
//! A key of 64 bits is two numbers of 32 bits side by side, or three of 21. Where these count something (parts of states, in the order
//! in which they are met), they are small as long as little is counted, and the table need not keep bits
//! that are 0 in all of them. They are given more bits when they need more, which moves the whole table.

/// How many low bits of each part of a key may be other than 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyBits {
    bits: u32,
    /// Where in a key the upper part begins, and the middle one.
    from: (u32, u32),
    /// Bits of the middle part, of which there may be none, and of the lower one.
    middle: u32,
    lower: u32,
}

impl KeyBits {
    /// Of keys that are numbers of so many bits (0 to 64) as a whole.
    pub(crate) fn whole(bits: u32) -> KeyBits {
        KeyBits { bits, from: (32, 0), middle: 0, lower: 32 }
    }

    /// Of keys with so many bits (1 to 32, or 1 to 21) in each of two or three parts.
    pub(crate) fn parts(parts: &[u32]) -> KeyBits {
        let field = KeyBits::field(parts.len());
        assert!(parts.iter().all(|part| (1..=field).contains(part)), "parts of {parts:?} bits");
        let bits = parts.iter().sum();
        match *parts {
            [_, lower] => KeyBits { bits, lower, ..KeyBits::whole(0) },
            [_, middle, lower] => KeyBits { bits, from: (2 * field, field), middle, lower },
            _ => unreachable!("there are {} parts", parts.len()),
        }
    }

    /// The most bits of each of so many parts.
    pub(crate) fn field(parts: usize) -> u32 {
        64 / parts as u32
    }

    /// Bits of a number.
    pub(crate) fn bits(self) -> u32 {
        self.bits
    }

    /// The number of a key.
    #[inline(always)]
    pub(crate) fn number(self, key: u64) -> u64 {
        (key >> self.from.0) << self.middle << self.lower
            | (key >> self.from.1 & mask(self.middle)) << self.lower
            | key & mask(self.lower)
    }

    /// The key with this number.
    #[inline(always)]
    pub(crate) fn key(self, number: u64) -> u64 {
        number >> self.lower >> self.middle << self.from.0
            | (number >> self.lower & mask(self.middle)) << self.from.1
            | number & mask(self.lower)
    }
}

/// So many ones, at most 32.
#[inline(always)]
fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_numbers_are_one_to_one() {
        for upper in 1..=32 {
            for lower in 1..=32 {
                let both = KeyBits::parts(&[upper, lower]);
                for i in 0..40u64 {
                    let bits = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    let key = (bits >> 32 >> (32 - upper)) << 32 | (bits & 0xFFFF_FFFF) >> (32 - lower);
                    assert!(both.bits() == 64 || both.number(key) >> both.bits() == 0);
                    assert_eq!(both.key(both.number(key)), key);
                }
            }
        }
        for (upper, middle, lower) in (1..=21).flat_map(|u| (1..=21).map(move |m| (u, m, 22 - m))) {
            let all = KeyBits::parts(&[upper, middle, lower]);
            for i in 0..40u64 {
                let bits = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let key =
                    (bits & mask(upper)) << 42 | (bits >> 21 & mask(middle)) << 21 | bits >> 42 & mask(lower);
                assert!(all.number(key) >> all.bits() == 0, "{all:?}");
                assert_eq!(all.key(all.number(key)), key, "{all:?}");
            }
        }
        assert_eq!(KeyBits::whole(64).number(u64::MAX - 5), u64::MAX - 5);
        assert_eq!(KeyBits::whole(20).key(0xF_FFFF), 0xF_FFFF);
    }
}
