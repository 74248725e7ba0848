//! The transition systems: which files, which sizes, and how many states and transitions each has.

use std::fmt::Write as _;

/// A transition system that every tool has a model of, in `benches/models/NAME/`.
pub struct Model {
    /// The folder, and the base name of the files in it.
    pub name: &'static str,
    /// What it stands for.
    pub character: &'static str,
    /// Tiny ones first.
    pub sizes: &'static [Size],
    /// Whether a depth-first search goes almost as deep as there are states.
    pub deep: bool,
}

/// One choice of constants.
pub struct Size {
    /// What `--sizes` calls it: `tiny` (thousands of states), `million`, `large` (ten million or more), `huge`.
    pub name: &'static str,
    /// The constants.
    pub settings: &'static [(&'static str, u64)],
    /// Distinct states.
    pub states: u64,
    /// Every enabled event of every state, self-loops and duplicates included.
    pub transitions: u64,
}

impl Size {
    /// `N=8`, `CLIENTS=3 SHARDS=3`: for people.
    pub fn constants(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.settings {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{name}={value}");
        }
        text
    }
}

/// The smallest spec there is a start-up time for: two-phase commit with three resource managers.
pub const START_UP: Size = Size { name: "start-up", settings: &[("N", 3)], states: 288, transitions: 1_145 };

/// All of them.
pub const MODELS: &[Model] = &[
    Model {
        name: "two_phase_commit",
        character: "a set of messages that only grows",
        deep: false,
        sizes: &[
            Size { name: "tiny", settings: &[("N", 5)], states: 8_832, transitions: 58_145 },
            Size { name: "million", settings: &[("N", 8)], states: 1_745_408, transitions: 18_507_777 },
            Size { name: "large", settings: &[("N", 9)], states: 10_340_352, transitions: 123_558_401 },
            Size { name: "huge", settings: &[("N", 10)], states: 61_515_776, transitions: 0 },
        ],
    },
    Model {
        name: "fenced_lease",
        character: "two words of data; what is written depends on what was read",
        deep: false,
        sizes: &[
            Size { name: "tiny", settings: LEASE_TINY, states: 2_565, transitions: 11_314 },
            Size { name: "million", settings: LEASE_MILLION, states: 5_434_065, transitions: 37_109_307 },
            Size { name: "large", settings: LEASE_LARGE, states: 18_957_545, transitions: 134_801_988 },
        ],
    },
    Model {
        name: "philosophers",
        character: "many instances with little data each",
        deep: true,
        sizes: &[
            Size { name: "tiny", settings: &[("N", 8)], states: 1_154, transitions: 9_232 },
            Size { name: "million", settings: &[("N", 16)], states: 1_331_714, transitions: 21_307_424 },
            Size { name: "large", settings: &[("N", 19)], states: 18_738_638, transitions: 356_034_122 },
        ],
    },
    Model {
        name: "log_shipping",
        character: "bounded first-in-first-out queues of messages",
        deep: false,
        sizes: &[
            Size { name: "tiny", settings: LOG_TINY, states: 20_023, transitions: 83_538 },
            Size { name: "million", settings: LOG_MILLION, states: 1_466_989, transitions: 10_600_242 },
            Size { name: "large", settings: LOG_LARGE, states: 16_739_453, transitions: 125_213_794 },
        ],
    },
    Model {
        name: "replicated_keys",
        character: "wide states of three words, made of records that depend on each other",
        deep: false,
        sizes: &[
            Size { name: "tiny", settings: KEYS_TINY, states: 10_404, transitions: 70_380 },
            Size { name: "million", settings: KEYS_MILLION, states: 1_061_208, transitions: 10_768_140 },
            Size { name: "large", settings: KEYS_LARGE, states: 20_570_824, transitions: 253_381_500 },
        ],
    },
];

type Settings = &'static [(&'static str, u64)];

const LEASE_TINY: Settings = &[("CLIENTS", 2), ("SHARDS", 2), ("EPOCHS", 2), ("TTL", 2), ("VALUES", 4096)];
const LEASE_MILLION: Settings = &[("CLIENTS", 3), ("SHARDS", 3), ("EPOCHS", 3), ("TTL", 2), ("VALUES", 4096)];
const LEASE_LARGE: Settings = &[("CLIENTS", 4), ("SHARDS", 3), ("EPOCHS", 3), ("TTL", 2), ("VALUES", 4096)];

const LOG_TINY: Settings = &[("FOLLOWERS", 1), ("LENGTH", 3), ("DEPTH", 3), ("VALUES", 2)];
const LOG_MILLION: Settings = &[("FOLLOWERS", 2), ("LENGTH", 3), ("DEPTH", 2), ("VALUES", 2)];
const LOG_LARGE: Settings = &[("FOLLOWERS", 2), ("LENGTH", 4), ("DEPTH", 2), ("VALUES", 2)];

const KEYS_TINY: Settings = &[("REPLICAS", 3), ("KEYS", 2), ("VERSIONS", 2), ("VALUES", 4096)];
const KEYS_MILLION: Settings = &[("REPLICAS", 3), ("KEYS", 3), ("VERSIONS", 2), ("VALUES", 4096)];
const KEYS_LARGE: Settings = &[("REPLICAS", 3), ("KEYS", 3), ("VERSIONS", 3), ("VALUES", 4096)];
