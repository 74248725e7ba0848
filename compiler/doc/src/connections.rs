//! How archetypes are connected, as their headers say: what feeds what, what is laid over what.

use crate::header;
use crate::svg::{Anchor, Svg, Way, wrapped};
use crate::{Spec, header::identities};
use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, Point, RankDir};
use std::collections::{BTreeMap, BTreeSet};

/// The size of an archetype in the graph.
const SIZE: (i32, i32) = (196, 50);

/// The archetypes of the site, with their pages.
#[derive(Clone, Debug, Default)]
pub struct Links {
    known: BTreeMap<String, (String, String)>,
}

/// A connection: from what is said to come first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Connection {
    /// The archetype that feeds or overlays.
    pub from: String,
    /// The archetype that is fed or overlaid.
    pub to: String,
    /// Whether it is laid over (else feeds).
    pub overlay: bool,
}

impl Links {
    /// The archetypes among these specs; the first of an identity counts.
    #[must_use]
    pub fn of(specs: &[Spec<'_>], names: &[String]) -> Links {
        let mut known = BTreeMap::new();
        for (spec, name) in specs.iter().zip(names) {
            if let Some(header) = &spec.module.header {
                let title = header.title.as_ref().map_or(String::new(), |t| t.value.clone());
                known.entry(header.id.name.clone()).or_insert((title, name.clone()));
            }
        }
        Links { known }
    }

    /// The page of an archetype.
    #[must_use]
    pub fn page(&self, identity: &str) -> Option<&str> {
        self.known.get(identity).map(|(_, page)| page.as_str())
    }

    /// The title of an archetype.
    #[must_use]
    pub fn title(&self, identity: &str) -> Option<&str> {
        self.known.get(identity).map(|(title, _)| title.as_str())
    }
}

/// The connections that a spec's header names, whether or not the other archetype is known.
#[must_use]
pub fn named(spec: &Spec<'_>) -> Vec<Connection> {
    let Some(header) = &spec.module.header else { return Vec::new() };
    let own = &header.id.name;
    let others = |entry: &str| -> Vec<String> {
        let values = header::values(header, entry);
        values.into_iter().flat_map(|v| identities(header::text(v))).filter(|id| id != own).collect()
    };
    let connection =
        |from: &String, to: &String, overlay| Connection { from: from.clone(), to: to.clone(), overlay };
    let input = others("input").into_iter().map(|other| connection(&other, own, false));
    let output = others("output").into_iter().map(|other| connection(own, &other, false));
    let over = others("decorator").into_iter().map(|other| connection(own, &other, true));
    input.chain(output).chain(over).collect()
}

/// All connections between archetypes of the site, each once; what feeds is not also drawn as an overlay.
#[must_use]
pub fn within(specs: &[Spec<'_>], links: &Links) -> BTreeSet<Connection> {
    let all: BTreeSet<Connection> = specs.iter().flat_map(named).collect();
    let inside = |c: &&Connection| links.page(&c.from).is_some() && links.page(&c.to).is_some();
    let feeds = |c: &Connection| all.contains(&Connection { overlay: false, ..c.clone() });
    all.iter().filter(inside).filter(|c| !c.overlay || !feeds(c)).cloned().collect()
}

/// The graph of the connections; nothing if there are none.
#[must_use]
pub fn draw(specs: &[Spec<'_>], links: &Links) -> Option<String> {
    let connections = within(specs, links);
    if connections.is_empty() {
        return None;
    }
    let graph = laid_out(&connections);
    let mut svg = Svg::default();
    for connection in &connections {
        if let Some(edge) = graph.edge(&connection.from, &connection.to, None) {
            arrow(&mut svg, &edge.points, if connection.overlay { "arrow dashed" } else { "arrow" });
        }
    }
    for identity in graph.nodes() {
        if let Some(node) = graph.node(&identity) {
            archetype(&mut svg, &identity, (whole(node.x), whole(node.y)), links);
        }
    }
    Some(svg.finish(extent(&graph), "What feeds what in the catalogue"))
}

fn laid_out(connections: &BTreeSet<Connection>) -> Graph<NodeLabel, EdgeLabel> {
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: false });
    let nodes: BTreeSet<&String> = connections.iter().flat_map(|c| [&c.from, &c.to]).collect();
    for node in nodes {
        let label = NodeLabel { width: SIZE.0.into(), height: SIZE.1.into(), ..NodeLabel::default() };
        graph.set_node(node.clone(), Some(label));
    }
    for connection in connections {
        graph.set_edge(connection.from.clone(), connection.to.clone(), Some(EdgeLabel::default()), None);
    }
    let options = LayoutOptions {
        rankdir: RankDir::TB,
        nodesep: 18.0,
        edgesep: 14.0,
        ranksep: 46.0,
        marginx: 8.0,
        marginy: 8.0,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    graph
}

fn whole(coordinate: Option<f64>) -> i32 {
    coordinate.unwrap_or_default().round() as i32
}

fn extent(graph: &Graph<NodeLabel, EdgeLabel>) -> (i32, i32) {
    let nodes = graph.nodes();
    let nodes = nodes.iter().filter_map(|n| graph.node(n));
    let corners = nodes.map(|n| (whole(n.x) + SIZE.0 / 2, whole(n.y) + SIZE.1 / 2));
    let edges = graph.edges();
    let points = edges.iter().filter_map(|e| graph.edge(&e.v, &e.w, None)).flat_map(|e| &e.points);
    let points = points.map(|p| (p.x.round() as i32, p.y.round() as i32));
    let (right, bottom) = corners.chain(points).fold((0, 0), |(x, y), (a, b)| (x.max(a), y.max(b)));
    (right + 8, bottom + 8)
}

fn archetype(svg: &mut Svg, identity: &str, (x, y): (i32, i32), links: &Links) {
    let (left, top) = (x - SIZE.0 / 2, y - SIZE.1 / 2);
    let title = links.title(identity).unwrap_or_default();
    svg.link(links.page(identity).unwrap_or_default(), &format!("{identity} {title}"));
    svg.rect((left, top), SIZE, 7, "box");
    svg.text((left + 10, top + 30), Anchor::Start, "op", identity);
    let lines = wrapped(title, 21);
    let shown: Vec<String> = lines.iter().take(2).cloned().collect();
    let first = top + if shown.len() > 1 { 22 } else { 30 };
    for (i, line) in shown.iter().enumerate() {
        let cut = if i == 1 && lines.len() > 2 { "…" } else { "" };
        let text = format!("{}{cut}", line.trim_end_matches([' ', '/', '+', '-']));
        svg.text((left + 42, first + 15 * i as i32), Anchor::Start, "small", &text);
    }
    svg.end_link();
}

/// A smooth line through an edge's points, with a head where it ends.
fn arrow(svg: &mut Svg, points: &[Point], class: &str) {
    let at = |p: &Point| (p.x.round() as i32, p.y.round() as i32);
    let points: Vec<(i32, i32)> = points.iter().map(at).collect();
    let [first, .., last] = points.as_slice() else { return };
    let mut d = format!("M{},{}", first.0, first.1);
    for pair in points.windows(2).skip(1) {
        let middle = (i32::midpoint(pair[0].0, pair[1].0), i32::midpoint(pair[0].1, pair[1].1));
        d.push_str(&format!(" Q{},{} {},{}", pair[0].0, pair[0].1, middle.0, middle.1));
    }
    let up = points[points.len() - 2].1 > last.1;
    let end = if up { last.1 + 7 } else { last.1 - 7 };
    d.push_str(&format!(" L{},{end}", last.0));
    svg.path(&d, class);
    svg.head(*last, if up { Way::Up } else { Way::Down });
}
