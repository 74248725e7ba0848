//! The table against sets of the standard library.

use super::*;
use std::collections::BTreeSet;

/// A stream of numbers below 2^bits that repeats itself, of several characters.
fn numbers(bits: u32, kind: u64, count: u64) -> impl Iterator<Item = u64> {
    let most = u64::MAX >> (64 - bits.max(1));
    let mut x = kind;
    (0..count).map(move |i| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = match kind % 4 {
            0 => x >> 20,
            1 => i,
            2 => i.reverse_bits(),
            _ => i << 17 ^ x >> 61,
        };
        (if i % 5 == 4 { number / 2 } else { number }) & most
    })
}

/// Inserts numbers; the indexes of those that are new.
fn insert(table: &Table, numbers: &[u64]) -> Vec<u32> {
    let images: Vec<u64> = numbers.iter().map(|n| table.image(*n)).collect();
    let mut lists = Inserted::new(images.len()).expect("a little memory");
    let mut new = table.insert(&images, &mut lists, false).to_vec();
    new.sort_unstable();
    new
}

/// Inserts in batches, growing as the search does.
fn insert_all(table: &mut Table, list: &[u64], len: &mut u64) -> Vec<u64> {
    let mut new = Vec::new();
    for batch in list.chunks(50) {
        if *len + batch.len() as u64 > table.room() {
            table.grow(*len + batch.len() as u64, 0, u64::MAX).expect("some memory");
        }
        new.extend(insert(table, batch).into_iter().map(|i| batch[i as usize]));
        *len = new.len() as u64;
    }
    new
}

fn contents(table: &Table) -> (Vec<u64>, BTreeSet<u64>) {
    let (mut slots, mut set) = (Vec::new(), BTreeSet::new());
    table.each(|slot, number| {
        slots.push(slot);
        assert!(set.insert(number), "a number is stored twice");
        true
    });
    (slots, set)
}

fn same(table: &Table, expected: &BTreeSet<u64>) {
    let (slots, set) = contents(table);
    assert_eq!(set.len(), expected.len());
    assert!(set == *expected, "the table reads back as what was inserted");
    assert!(slots.is_sorted() && slots.last().is_none_or(|s| *s < table.end()));
    let mut at = slots.into_iter();
    table.each(|slot, number| {
        assert_eq!((table.slot(table.image(number)), Some(slot)), (Some(slot), at.next()));
        true
    });
}

#[test]
fn every_width_and_growth_is_exact() {
    for bits in 0..=64 {
        for kind in 0..4 {
            for threads in [1, 3] {
                let mut table = Table::new(KeyBits::whole(bits), threads).expect("a little memory");
                let list: Vec<u64> = numbers(bits, kind, 6_000).collect();
                let new = insert_all(&mut table, &list, &mut 0);
                let expected: BTreeSet<u64> = list.iter().copied().collect();
                assert_eq!(new.len(), expected.len(), "{bits} bits, kind {kind}: each is new once");
                same(&table, &expected);
                let absent = numbers(bits, kind + 4, 2_000).filter(|n| !expected.contains(n));
                absent.for_each(|n| assert_eq!(table.slot(table.image(n)), None, "{bits} bits: {n}"));
            }
        }
    }
}

#[test]
fn large_tables_grow_by_quarters_and_narrow_their_slots() {
    for threads in [1, 3] {
        let mut table = Table::new(KeyBits::whole(49), threads).expect("a little memory");
        let list: Vec<u64> = numbers(49, 0, 2_500_000).collect();
        let mut cuts = vec![table.cut];
        let mut len = 0;
        for batch in list.chunks(10_000) {
            table.grow(len + batch.len() as u64, len / 4 * 5, u64::MAX).expect("some memory");
            if cuts.last() != Some(&table.cut) {
                cuts.push(table.cut);
            }
            len += insert(&table, batch).len() as u64;
        }
        assert_eq!(cuts, [Cut::Bits64, Cut::Bits48, Cut::Bits40, Cut::Bits36]);
        same(&table, &list.into_iter().collect());
        assert!(table.bytes() < 8 * len, "{} bytes for {len} numbers", table.bytes());
    }
}

#[test]
fn large_tables_grow_to_what_is_likely() {
    for (likely, room) in [(0, 8), (1_251_000, 10), (1_650_000, 13), (1_u64 << 60, 16)] {
        let mut table = Table::new(KeyBits::whole(40), 1).expect("a little memory");
        table.grow(1_000_000, 0, u64::MAX).expect("some memory");
        let before = table.room();
        assert!(before < 1_100_000);
        table.grow(before + 1, likely, u64::MAX).expect("some memory");
        assert_eq!(table.room() * 8 / before, room, "{likely} are likely, {before} had room");
        assert!(table.room() >= likely.min(2 * before));
    }
}

/// Many numbers are not in their own lines, where threads meet and elsewhere.
#[test]
fn threads_grow_tables_that_overflow() {
    for bits in [34, 44, 64] {
        for threads in [2, 3, 7] {
            let mut table = Table::new(KeyBits::whole(bits), threads).expect("a little memory");
            table.grow(100_000, 0, u64::MAX).expect("some memory");
            // One line in eight is full, and so are all that are tried for what belongs there.
            let crowded = numbers(bits, 0, 400_000).filter(|n| table.image(*n) >> 52 & 7 == 0).take(30_000);
            let list: BTreeSet<u64> = crowded.chain(numbers(bits, 4, 60_000)).collect();
            let all: Vec<u64> = list.iter().copied().collect();
            assert_eq!(insert(&table, &all).len(), list.len());
            for wanted in [table.room() + 1, 300_000, 310_000, 2_000_000] {
                assert!(table.geometry.lines() > 4 * 1024, "enough for threads");
                table.grow(wanted, 0, u64::MAX).expect("some memory");
                same(&table, &list);
                assert_eq!(insert(&table, &all), [], "nothing is new again");
            }
        }
    }
}

#[test]
fn what_has_no_room_is_stashed_and_found() {
    for bits in [20, 30, 38, 41, 64] {
        let mut table = Table::new(KeyBits::whole(bits), 1).expect("a little memory");
        let list: BTreeSet<u64> = numbers(bits, 0, 3_000).collect();
        let numbers: Vec<u64> = list.iter().copied().collect();
        assert_eq!(insert(&table, &numbers).len(), list.len());
        assert_eq!(insert(&table, &numbers), [], "nothing is new again");
        assert!(table.stash().len() > 1000, "a table that is too small overflows");
        same(&table, &list);
        table.grow(table.room() + 1, 0, u64::MAX).expect("some memory");
        assert!(table.stash().len() > 100, "and overflows again as it grows");
        same(&table, &list);
        table.grow(list.len() as u64, 0, u64::MAX).expect("some memory");
        assert_eq!(table.stash().len(), 0);
        same(&table, &list);
    }
}

#[test]
fn at_its_load_limit_next_to_nothing_overflows() {
    for bits in [34, 44, 64] {
        let mut table = Table::new(KeyBits::whole(bits), 1).expect("a little memory");
        table.grow(3_000_000, 0, u64::MAX).expect("some memory");
        let room = table.room();
        let numbers: Vec<u64> = (0..room).map(|n| n * 3).collect();
        let new: usize = numbers.chunks(700).map(|batch| insert(&table, batch).len()).sum();
        assert_eq!(new as u64, room, "{bits} bits");
        let stashed = table.stash().len() as u64;
        assert!(stashed * 200_000 < room, "{bits} bits: {stashed} of {room} are stashed");
    }
}

#[test]
fn refused_memory_leaves_the_table_as_it_was() {
    let mut table = Table::new(KeyBits::whole(40), 1).expect("a little memory");
    let list: Vec<u64> = numbers(40, 1, 1000).collect();
    let mut len = 0;
    insert_all(&mut table, &list, &mut len);
    let bytes = table.bytes();
    assert_eq!(table.grow(1 << 20, 0, bytes), Err(Refused));
    assert_eq!(table.grow(1 << 60, 0, u64::MAX), Err(Refused));
    same(&table, &list.into_iter().collect());
}

#[test]
fn threads_insert_each_number_once() {
    for bits in [30, 36, 40, 44, 64] {
        let mut table = Table::new(KeyBits::whole(bits), 4).expect("a little memory");
        let mut expected = BTreeSet::new();
        for round in 0..6u64 {
            let list: Vec<u64> = numbers(bits, round * 4, 30_000).collect();
            table.grow(expected.len() as u64 + list.len() as u64, 0, u64::MAX).expect("some memory");
            let new: Vec<Vec<usize>> = std::thread::scope(|scope| {
                let insert = |_| {
                    scope.spawn(|| {
                        let mut new = Vec::new();
                        list.chunks(100).enumerate().for_each(|(c, part)| {
                            new.extend(insert(&table, part).into_iter().map(|i| c * 100 + i as usize));
                        });
                        new
                    })
                };
                let threads: Vec<_> = (0..4).map(insert).collect();
                threads.into_iter().map(|t| t.join().expect("no panic")).collect()
            });
            for i in new.into_iter().flatten() {
                assert!(expected.insert(list[i]), "{bits} bits: a number is new twice");
            }
            assert!(list.iter().all(|n| expected.contains(n)));
            same(&table, &expected);
        }
    }
}

#[test]
fn keys_of_two_halves_are_widened() {
    let mut table = Table::new(KeyBits::parts(&[2, 3]), 1).expect("a little memory");
    let (mut expected, mut x) = (BTreeSet::new(), 5u64);
    for (upper, lower) in [(2, 3), (4, 3), (4, 10), (9, 13), (9, 17), (20, 17), (24, 28), (32, 32)] {
        let bits = KeyBits::parts(&[upper, lower]);
        let wanted = expected.len() as u64 + if upper % 8 == 1 { 3000 } else { 0 };
        table.widen(bits, wanted, u64::MAX).expect("some memory");
        assert_eq!((table.key_bits(), table.room() >= wanted), (bits, true));
        same(&table, &expected);
        for _ in 0..2500 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = x >> (64 - upper) << 32 | (x & 0xFFFF_FFFF) >> (32 - lower);
            table.grow(expected.len() as u64 + 1, 0, u64::MAX).expect("some memory");
            assert_eq!(table.insert_one(table.image(key)), expected.insert(key));
        }
        same(&table, &expected);
    }
    assert_eq!(table.widen(KeyBits::parts(&[32, 31]), 1 << 30, 1 << 20), Err(Refused));
    same(&table, &expected);
}

/// Chosen by somebody who means harm, with the bijection at hand: all numbers belong to one line, and so do most of
/// those that are not there.
#[test]
fn numbers_of_one_line_are_told_apart() {
    for bits in [20, 36, 44, 49, 57, 64] {
        for threads in [1, 3] {
            let mut table = Table::new(KeyBits::whole(bits), threads).expect("a little memory");
            table.grow(20_000, 0, u64::MAX).expect("some memory");
            let image = |i: u64| (1 << (bits - 1) | i) << (64 - bits);
            let list: Vec<u64> = (0..6_000).map(|i| table.key(image(i * 2))).collect();
            let homes: BTreeSet<u64> = (0..100).map(|i| table.geometry.split(image(i)).0).collect();
            assert!(bits == 20 || homes.len() == 1, "{bits} bits");
            let new: usize = list.chunks(500).map(|batch| insert(&table, batch).len()).sum();
            assert_eq!(new, list.len(), "{bits} bits");
            assert_eq!(insert(&table, &list), []);
            assert!(bits == 20 || table.stash().len() > 1_000, "{bits} bits: a line has no room for them");
            same(&table, &list.iter().copied().collect());
            for lines in [30_000, 200_000] {
                table.grow(lines, 0, u64::MAX).expect("some memory");
                same(&table, &list.iter().copied().collect());
                let between = (0..6_000).map(|i| table.image(table.key(image(i * 2 + 1))));
                between.for_each(|image| assert_eq!(table.slot(image), None, "{bits} bits"));
            }
        }
    }
}

/// What is to spare needs no wider slots, and one bit more does.
#[test]
fn bits_to_spare_cost_nothing() {
    for (half, wanted) in (6..16).flat_map(|half| [(half, 100), (half, 5_000), (half, 300_000)]) {
        let mut table = Table::new(KeyBits::parts(&[half, half]), 1).expect("a little memory");
        table.grow(wanted, 0, u64::MAX).expect("some memory");
        let (spare, slots) = (table.spare_bits(), table.slots());
        assert_eq!(table.slot_bits(), 32, "{half} bits twice");
        let mut widen = |more: u32| {
            table
                .widen(KeyBits::parts(&[half + more / 2, half + more - more / 2]), wanted, u64::MAX)
                .expect("some memory");
            (table.slot_bits(), table.slots())
        };
        assert_eq!(widen(spare), (32, slots), "{half} bits twice, {spare} to spare");
        assert!(widen(spare + 1).0 > 32, "{half} bits twice, {spare} to spare");
    }
}
