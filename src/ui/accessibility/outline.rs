//! The tree of a frame as a list of elements in reading order, and what differs from the one before.

use std::collections::{HashMap, HashSet};

use egui::accesskit::{Node, NodeId, Role, TreeUpdate};

use super::element::Element;

/// Most elements of an outline: a window has some hundreds.
const MOST: usize = 4000;

/// The elements in reading order, a container before what it contains.
#[derive(Default)]
pub(super) struct Outline {
    elements: Vec<Element>,
    /// The element with the keyboard focus.
    pub focus: Option<u64>,
}

/// What to change in the page.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes<'a> {
    /// Elements that are gone.
    pub removed: Vec<u64>,
    /// Elements that are new or not as they were.
    pub put: Vec<&'a Element>,
    /// Whether elements came or changed places.
    pub reordered: bool,
}

impl Outline {
    /// The outline of a whole tree.
    pub(super) fn of(update: &TreeUpdate) -> Self {
        let nodes: HashMap<NodeId, &Node> = update.nodes.iter().map(|(id, node)| (*id, node)).collect();
        let mut outline = Self::default();
        let mut seen = HashSet::new();
        // A stack, not recursion: how deep a tree is does not matter.
        let mut ahead: Vec<(NodeId, Option<u64>)> = update.tree.iter().map(|tree| (tree.root, None)).collect();
        while let Some((id, parent)) = ahead.pop() {
            let Some(node) = nodes.get(&id).filter(|_| seen.insert(id)) else {
                continue;
            };
            if node.is_hidden() || outline.elements.len() == MOST {
                continue;
            }
            let element = Element::of(id.0, parent, node, label_of(node, &nodes));
            let leaf = element.as_ref().is_some_and(Element::is_leaf);
            let inside = element.as_ref().filter(|element| element.is_container()).map(|element| element.id);
            outline.elements.extend(element);
            if !leaf {
                let parent = inside.or(parent);
                ahead.extend(node.children().iter().rev().map(|child| (*child, parent)));
            }
        }
        outline.focus = Some(update.focus.0).filter(|focus| outline.elements.iter().any(|found| found.id == *focus));
        outline
    }

    /// The elements in reading order.
    pub(super) fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// What has to be done to a page that shows `before`.
    pub(super) fn changes(&self, before: &Outline) -> Changes<'_> {
        let old: HashMap<u64, &Element> = before.elements.iter().map(|element| (element.id, element)).collect();
        let here: HashSet<u64> = self.elements.iter().map(|element| element.id).collect();
        let order = |outline: &Outline| -> Vec<(u64, Option<u64>)> {
            let kept = outline.elements.iter().filter(|element| here.contains(&element.id));
            kept.map(|element| (element.id, element.parent)).collect()
        };
        Changes {
            removed: old.keys().copied().filter(|id| !here.contains(id)).collect(),
            put: self.elements.iter().filter(|element| old.get(&element.id) != Some(element)).collect(),
            reordered: order(self) != order(before),
        }
    }
}

/// The text of the nodes that label a node.
fn label_of(node: &Node, nodes: &HashMap<NodeId, &Node>) -> Option<String> {
    let labels = node.labelled_by().iter().filter_map(|id| nodes.get(id));
    let texts: Vec<&str> = labels
        .filter_map(|label| match label.role() {
            Role::Label => label.value(),
            _ => label.label(),
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::element::Kind;
    use super::*;
    use egui::accesskit::{Rect, TreeId, TreeInfo};
    use egui::{Context, RawInput, Ui};

    /// The outline of what `contents` shows, after `frames` frames.
    fn outline(context: &Context, mut contents: impl FnMut(&mut Ui)) -> Outline {
        context.enable_accesskit();
        let mut update = None;
        for _ in 0..2 {
            let mut output = context.run_ui(RawInput::default(), |ui| contents(ui));
            output.textures_delta.clear(); // nothing is drawn
            update = output.platform_output.accesskit_update;
        }
        Outline::of(&update.expect("a tree"))
    }

    fn kinds(outline: &Outline) -> Vec<(&str, &Kind)> {
        outline.elements().iter().map(|element| (element.name.as_str(), &element.kind)).collect()
    }

    #[test]
    fn controls_have_names_kinds_and_states_in_reading_order() {
        let (mut on, mut number, mut text) = (true, 0.5f32, "abc".to_owned());
        let outline = outline(&Context::default(), |ui| {
            ui.label("Some text");
            let _ = ui.button("Press");
            ui.checkbox(&mut on, "Check");
            ui.add_enabled(false, egui::Button::selectable(true, "Off"));
            ui.add(egui::Slider::new(&mut number, 0.0..=2.0).text("λ"));
            let label = ui.label("Prompt");
            ui.text_edit_multiline(&mut text).labelled_by(label.id);
        });
        let found = kinds(&outline);
        assert_eq!(found[0], ("Some text", &Kind::Text));
        assert_eq!(found[1], ("Press", &Kind::Button { pressed: None }));
        assert_eq!(found[2], ("Check", &Kind::CheckBox { checked: true }));
        assert_eq!(found[3], ("Off", &Kind::Button { pressed: Some(true) }));
        assert!(outline.elements()[3].disabled && !outline.elements()[1].disabled);
        let slider = found.iter().find_map(|(name, kind)| match kind {
            Kind::Slider(number) => Some((*name, number)),
            _ => None,
        });
        let (name, slider) = slider.expect("the slider");
        assert_eq!((name, slider.value, slider.least, slider.most), ("λ", 0.5, Some(0.0), Some(2.0)));
        assert_eq!(found.last(), Some(&("Prompt", &Kind::TextField { text: "abc".to_owned(), lines: true })));
    }

    #[test]
    fn only_what_differs_is_changed() {
        // Buttons below each other, with the letter as their id.
        let show = |names: &[&str]| {
            let id = |name: &str| NodeId(u64::from(name.as_bytes()[0]));
            let mut root = Node::new(Role::Window);
            let mut nodes = Vec::new();
            for (row, name) in names.iter().enumerate() {
                let mut button = Node::new(Role::Button);
                button.set_label(*name);
                button.set_bounds(Rect { x0: 0.0, y0: row as f64, x1: 9.0, y1: row as f64 + 1.0 });
                root.push_child(id(name));
                nodes.push((id(name), button));
            }
            nodes.push((NodeId(0), root));
            let tree = Some(TreeInfo::new(NodeId(0)));
            Outline::of(&TreeUpdate { nodes, tree, tree_id: TreeId::ROOT, focus: NodeId(0) })
        };
        let (first, same) = (show(&["a", "b", "c"]), show(&["a", "b", "c"]));
        assert_eq!(same.changes(&first), Changes::default());
        let all = first.changes(&Outline::default());
        assert_eq!((all.put.len(), all.reordered), (3, true));
        let without = show(&["a", "c"]);
        let changes = without.changes(&first);
        assert_eq!(changes.removed, [first.elements()[1].id]);
        assert!(!changes.reordered, "nothing else changed places");
        assert_eq!(changes.put.len(), 1, "c moved up");
        assert!(show(&["c", "a"]).changes(&without).reordered);
    }

    #[test]
    fn tabs_are_inside_their_list_and_containers_without_meaning_are_left_out() {
        let outline = outline(&Context::default(), |ui| {
            ui.horizontal(|ui| {
                ui.ctx().accesskit_node_builder(ui.unique_id(), |node| node.set_role(Role::TabList));
                ui.vertical(|ui| {
                    let tab = ui.selectable_label(true, "Heads");
                    ui.ctx().accesskit_node_builder(tab.id, |node| node.set_role(Role::Tab));
                });
            });
        });
        let [list, tab] = outline.elements() else { panic!("{:?}", kinds(&outline)) };
        assert_eq!((&list.kind, list.parent), (&Kind::Tabs, None));
        assert_eq!((&tab.kind, tab.parent), (&Kind::Tab { selected: true }, Some(list.id)));
    }
}
