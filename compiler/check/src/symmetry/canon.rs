//! The canonical form of a state: the least of its renamings that order instances by colour.
//!
//! Instances are coloured ([`super::colour`]). Where several have the same colour, each in turn is given one
//! of its own and the colouring is refined again, until all are different; then there is one renaming that
//! orders them, and the least of the states that these renamings give is the canonical form. Where exchanging any two
//! instances of a colour leaves the state as it is, trying one of them is enough.
//!
//! The result is the same for all renamings of a state, since everything here is. The number of renamings that
//! reach the least state is that of the renamings that leave the state as it is (its automorphisms), so the
//! size of the state's orbit is known: Lagrange.

use super::colour::{self, Colours};
use super::families::{Family, Holds};
use crate::canonical::{self, Sorted};
use crate::layout::Layout;
use crate::symbolic::dag::NULL;

/// What each instance becomes, per symmetric sort.
pub type Renaming = Vec<Vec<u32>>;

/// Makes states canonical.
#[derive(Debug)]
pub(super) struct Canonizer<'m> {
    pub layout: &'m Layout,
    pub slots: &'m [Sorted],
    pub families: Vec<Family>,
    /// For each symmetric sort, its blocks.
    pub blocks: Vec<Vec<Vec<u32>>>,
    /// The number of renamings.
    pub order: u128,
}

/// Memory for making states canonical.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    cells: Vec<i64>,
    image: Vec<i64>,
    best: Vec<i64>,
    renaming: Renaming,
    colours: Colours,
    next: Colours,
    slots: canonical::Memory,
    /// The renaming that gave the best state.
    pub(super) chosen: Renaming,
    /// How many renamings give it.
    reached: u128,
}

/// Instances of one colour, of the symmetric sort of this number.
type Class = (usize, Vec<u32>);

impl Canonizer<'_> {
    /// Makes the cells of a state canonical, with the renaming that does so in `memory`; the number of
    /// states that are renamings of it.
    pub fn canonical(&self, cells: &mut Vec<i64>, memory: &mut Memory) -> u128 {
        memory.cells.clone_from(cells);
        memory.best.clear();
        memory.reached = 0;
        let mut colours = std::mem::take(&mut memory.colours);
        self.start(&mut colours);
        colour::plain(&self.families, &memory.cells, &mut colours);
        self.settle(&mut colours, memory);
        self.search(&colours, (1, 1), memory);
        memory.colours = colours;
        std::mem::swap(cells, &mut memory.best);
        self.order / memory.reached
    }

    /// Colours by block.
    fn start(&self, colours: &mut Colours) {
        colours.resize(self.blocks.len(), Vec::new());
        for (of, blocks) in colours.iter_mut().zip(&self.blocks) {
            of.clear();
            of.resize(blocks.iter().map(Vec::len).sum(), 0);
            for (b, block) in blocks.iter().enumerate() {
                block.iter().for_each(|i| of[*i as usize] = b as u64);
            }
        }
    }

    /// Refines colours until nothing more is told apart.
    fn settle(&self, colours: &mut Colours, memory: &mut Memory) {
        let mut count = colour::count(colours);
        let all: usize = colours.iter().map(Vec::len).sum();
        while count < all && self.families.iter().any(colour::is_relational) {
            colour::refine(&self.families, &memory.cells, colours, &mut memory.next);
            let now = colour::count(colours);
            if now <= count {
                return;
            }
            count = now;
        }
    }

    /// Tries the renamings that order instances by colour. `depth`: how many instances were given a colour of their
    /// own, and one; `weight`: how many renamings each stands for.
    fn search(&self, colours: &Colours, (depth, weight): (u64, u128), memory: &mut Memory) {
        let Some((sort, class)) = self.undecided(colours) else {
            return self.try_renaming(colours, weight, memory);
        };
        let alike = class[1..].iter().all(|other| self.is_automorphism(sort, class[0], *other, memory));
        let (tried, weight) =
            if alike { (&class[..1], weight * class.len() as u128) } else { (&class[..], weight) };
        for instance in tried {
            let mut colours = colours.clone();
            let colour = &mut colours[sort][*instance as usize];
            *colour = colour::mix(*colour, depth);
            self.settle(&mut colours, memory);
            self.search(&colours, (depth + 1, weight), memory);
        }
    }

    /// The first instances, by block and colour, that have the same colour.
    fn undecided(&self, colours: &Colours) -> Option<Class> {
        for (sort, blocks) in self.blocks.iter().enumerate() {
            for block in blocks {
                let of = |i: &u32| colours[sort][*i as usize];
                let several =
                    block.iter().map(of).filter(|c| block.iter().filter(|i| of(i) == *c).count() > 1);
                if let Some(colour) = several.min() {
                    return Some((sort, block.iter().copied().filter(|i| of(i) == colour).collect()));
                }
            }
        }
        None
    }

    fn is_automorphism(&self, sort: usize, a: u32, b: u32, memory: &mut Memory) -> bool {
        self.identity(&mut memory.renaming);
        memory.renaming[sort].swap(a as usize, b as usize);
        self.apply(memory);
        memory.image == memory.cells
    }

    fn identity(&self, renaming: &mut Renaming) {
        renaming.resize(self.blocks.len(), Vec::new());
        for (of, blocks) in renaming.iter_mut().zip(&self.blocks) {
            of.clear();
            of.extend(0..blocks.iter().map(Vec::len).sum::<usize>() as u32);
        }
    }

    /// Orders the instances of each block by colour, all different.
    fn try_renaming(&self, colours: &Colours, weight: u128, memory: &mut Memory) {
        self.identity(&mut memory.renaming);
        for (sort, blocks) in self.blocks.iter().enumerate() {
            let of = &colours[sort];
            for instance in blocks.iter().flatten() {
                let block = blocks.iter().find(|b| b.contains(instance)).map_or(&[][..], Vec::as_slice);
                let before = block.iter().filter(|i| of[**i as usize] < of[*instance as usize]).count();
                memory.renaming[sort][*instance as usize] = block[before];
            }
        }
        self.apply(memory);
        if memory.best.is_empty() || memory.image < memory.best {
            memory.best.clone_from(&memory.image);
            memory.chosen.clone_from(&memory.renaming);
            memory.reached = 0;
        }
        if memory.image == memory.best {
            memory.reached += weight;
        }
    }

    /// Renames `memory.cells` by `memory.renaming`, into `memory.image`.
    fn apply(&self, memory: &mut Memory) {
        let Memory { cells, image, renaming, slots, .. } = memory;
        image.clone_from(cells);
        let mut at = Vec::new();
        for family in &self.families {
            if let ([axis], Holds::Plain) = (&family.axes[..], &family.holds) {
                for (cell, to) in family.cells.iter().zip(&renaming[*axis]) {
                    image[family.cells[*to as usize] as usize] = cells[*cell as usize];
                }
                continue;
            }
            at.clear();
            at.resize(family.axes.len(), 0u32);
            for (i, cell) in family.cells.iter().enumerate() {
                let place = |n: u32, ((axis, size), i): ((&usize, &u32), &u32)| {
                    n * size + renaming[*axis][*i as usize]
                };
                let to = family.axes.iter().zip(&family.sizes).zip(&at).fold(0, place);
                let value = cells[*cell as usize];
                let present = family.is_present(i, cells);
                image[family.cells[to as usize] as usize] =
                    if present { rename(&family.holds, value, renaming) } else { value };
                colour::advance(&mut at, &family.sizes);
            }
        }
        canonical::sort_slots(self.layout, self.slots, image, slots);
    }
}

/// What a renaming makes of a value.
fn rename(holds: &Holds, value: i64, renaming: &Renaming) -> i64 {
    match holds {
        _ if value == NULL => NULL,
        Holds::Plain => value,
        Holds::Instance(sort) => i64::from(renaming[*sort][value as usize]),
        Holds::Run(subjects, copies) => {
            let copies = i64::from(*copies);
            let (copy, mut rest) = (value % copies, value / copies);
            let (mut number, mut weight) = (0, 1);
            for (sort, size) in subjects.iter().rev() {
                let instance = rest % i64::from(*size);
                rest /= i64::from(*size);
                number += weight * sort.map_or(instance, |s| i64::from(renaming[s][instance as usize]));
                weight *= i64::from(*size);
            }
            number * copies + copy
        }
    }
}
