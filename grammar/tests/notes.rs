//! The protocol blocks of the notes that the notation comes from parse as they stand.

mod common;

use arch_grammar::ast::{ItemKind, Protocol};
use common::{formatted, notes, parsed, pasted};

fn protocol(block: &str) -> Protocol {
    match parsed(&pasted(block)).items.into_iter().next().map(|i| i.kind) {
        Some(ItemKind::Protocol(protocol)) => protocol,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_block_parses_as_it_stands() {
    let blocks = notes();
    assert_eq!(blocks.iter().filter(|(heading, _)| heading.starts_with('I')).count(), 43);
    for (heading, block) in blocks {
        let protocol = protocol(block);
        let steps =
            protocol.main.steps.len() + protocol.branches.iter().map(|b| b.steps.len()).sum::<usize>();
        assert_eq!(steps, block.matches('[').count(), "{heading}");
        assert_eq!(protocol.branches.len(), block.matches("|->").count(), "{heading}");
        assert!(protocol.head.is_empty(), "{heading}");
    }
}

#[test]
fn their_layout_is_canonical_but_for_the_indentation() {
    for (heading, block) in notes() {
        let unindented = |text: &str| {
            text.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(unindented(&formatted(&pasted(block))), unindented(&pasted(block)), "{heading}");
    }
}
