//! Keys as numbers of as few bits as they need.
//!
//! A key of 64 bits is two numbers of 32 bits side by side. Where both count something (parts of states, in the order
//! in which they are met), they are small as long as little is counted, and the table need not keep bits
//! that are 0 in all of them. Both are given more bits when they need more, which moves the whole table.

/// How many low bits of each half of a key may be other than 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyBits {
    bits: u32,
    lower: u32,
}

impl KeyBits {
    /// Of keys that are numbers of so many bits (0 to 64) as a whole.
    pub(crate) fn whole(bits: u32) -> KeyBits {
        KeyBits { bits, lower: 32 }
    }

    /// Of keys with so many bits (1 to 32) in each half.
    pub(crate) fn pair(upper: u32, lower: u32) -> KeyBits {
        assert!((1..=32).contains(&upper) && (1..=32).contains(&lower), "halves of {upper} and {lower} bits");
        KeyBits { bits: upper + lower, lower }
    }

    /// Bits of a number.
    pub(crate) fn bits(self) -> u32 {
        self.bits
    }

    /// The number of a key.
    #[inline(always)]
    pub(crate) fn number(self, key: u64) -> u64 {
        (key >> 32) << self.lower | key & self.mask()
    }

    /// The key with this number.
    #[inline(always)]
    pub(crate) fn key(self, number: u64) -> u64 {
        (number >> self.lower) << 32 | number & self.mask()
    }

    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_numbers_are_one_to_one() {
        for upper in 1..=32 {
            for lower in 1..=32 {
                let both = KeyBits::pair(upper, lower);
                for i in 0..40u64 {
                    let bits = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    let key = (bits >> 32 >> (32 - upper)) << 32 | (bits & 0xFFFF_FFFF) >> (32 - lower);
                    assert!(both.bits() == 64 || both.number(key) >> both.bits() == 0);
                    assert_eq!(both.key(both.number(key)), key);
                }
            }
        }
        assert_eq!(KeyBits::whole(64).number(u64::MAX - 5), u64::MAX - 5);
        assert_eq!(KeyBits::whole(20).key(0xF_FFFF), 0xF_FFFF);
    }
}
