//! Which of the promotions that compete take which units.
//!
//! Every unit has something to fall back on: the best offer that it can have on
//! its own, or none. A [`Deal`] wants several units at once, or only so many, and
//! so promotions compete. Deals that share goods form a component; components do
//! not touch each other.
//!
//! A component is searched exactly, unit by unit from the dearest down. What
//! matters of the units already placed is how far each deal's current set is
//! filled, nothing else: for each deal the best grouping of the units given to it
//! is by falling price (the cheapest of a set are then as dear as they can be),
//! so one best way to reach each such state is enough. The work is the number of
//! states times units times deals, whatever the units cost.
//!
//! Beyond [`STEPS_MAX`] steps, deals take their units one after the other, the
//! one that gains most alone first. The first of them keeps at least what it
//! would gain alone, and nothing after it takes anything away, so the result is
//! never worse than any single promotion.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// Steps of the exact search in one component. A step puts one unit into one deal
/// in one state. Ten units in three deals of up to four pieces take fewer than
/// 2,000, forty units in four such deals about 40,000.
pub(super) const STEPS_MAX: usize = 40_000;

/// Units that are alike.
#[derive(Debug, Clone)]
pub(super) struct Class {
    /// Of one unit, in the finest parts that are counted.
    pub(super) price: i128,
    /// Thousandths of a piece or kilogram in one unit.
    pub(super) milli: i64,
    /// How many units.
    pub(super) count: u32,
}

/// What a unit gets where no deal takes it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outside {
    /// How much.
    pub(super) gain: i128,
    /// From which promotion.
    pub(super) offer: usize,
}

/// How a deal uses units.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// One by one: for deals with a limit.
    Each,
    /// Of `buy + get` units the `get` cheapest gain.
    Pool { buy: u32, get: u32 },
    /// So many of each slot; a whole set costs `cost`.
    Sets { counts: Vec<u32>, cost: i128 },
    /// From so many thousandths on, by level.
    Breaks { from: Vec<i64> },
}

/// A promotion that wants several units, or only so many.
#[derive(Debug, Clone)]
pub(super) struct Deal {
    /// Which promotion.
    pub(super) offer: usize,
    /// How.
    pub(super) shape: Shape,
    /// Sets, or units of [`Shape::Each`].
    pub(super) limit: Option<u32>,
    /// Whose units it may take, by rising class.
    pub(super) members: Vec<Member>,
}

/// A class in a deal.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Which class.
    pub(super) class: usize,
    /// What one unit gains, by slot or level; `None` where it does not fit.
    pub(super) gains: Vec<Option<i128>>,
}

/// Units that a promotion takes something off together.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    /// Which promotion.
    pub(super) offer: usize,
    /// Class and units.
    pub(super) parts: Vec<(usize, u32)>,
    /// How much.
    pub(super) saving: i128,
}

fn at<T: Copy + Default>(list: &[T], place: usize) -> T {
    list.get(place).copied().unwrap_or_default()
}

fn times(n: u32, gain: i128) -> i128 {
    i128::from(n).saturating_mul(gain)
}

/// The best grants on what is `left` of the classes, deals and fallbacks alike.
pub(super) fn best(
    classes: &[Class],
    left: &[u32],
    outside: &[Outside],
    deals: &[Deal],
) -> Vec<Grant> {
    let mut left = left.to_vec();
    let mut grants = Vec::new();
    for component in components(classes.len(), deals, &left) {
        let found = search(classes, &left, outside, &component)
            .unwrap_or_else(|| in_turn(classes, &left, outside, &component));
        take(&mut left, &found);
        grants.extend(found);
    }
    for (class, (units, fallback)) in left.iter().zip(outside).enumerate() {
        if *units > 0 && fallback.gain > 0 {
            grants.push(Grant {
                offer: fallback.offer,
                parts: vec![(class, *units)],
                saving: times(*units, fallback.gain),
            });
        }
    }
    grants
}

/// Takes the units of `grants` away.
pub(super) fn take(left: &mut [u32], grants: &[Grant]) {
    for (class, units) in grants.iter().flat_map(|g| &g.parts) {
        if let Some(left) = left.get_mut(*class) {
            *left = left.saturating_sub(*units);
        }
    }
}

/// Deals that can be had at all, by what they share.
fn components<'d>(classes: usize, deals: &'d [Deal], left: &[u32]) -> Vec<Vec<&'d Deal>> {
    fn root(of: &mut [usize], class: usize) -> usize {
        let mut class = class;
        while at(of, class) != class {
            let up = at(of, at(of, class));
            if let Some(place) = of.get_mut(class) {
                *place = up;
            }
            class = up;
        }
        class
    }
    let mut of: Vec<usize> = (0..classes).collect();
    let possible: Vec<&Deal> = deals.iter().filter(|d| d.is_possible(left)).collect();
    for deal in &possible {
        let mut members = deal.members.iter().filter(|m| at(left, m.class) > 0);
        let Some(first) = members.next() else {
            continue;
        };
        let first = root(&mut of, first.class);
        for member in members {
            let other = root(&mut of, member.class);
            if let Some(place) = of.get_mut(other) {
                *place = first;
            }
        }
    }
    let mut found: BTreeMap<usize, Vec<&Deal>> = BTreeMap::new();
    for deal in possible {
        if let Some(member) = deal.members.iter().find(|m| at(left, m.class) > 0) {
            found
                .entry(root(&mut of, member.class))
                .or_default()
                .push(deal);
        }
    }
    found.into_values().collect()
}

impl Deal {
    /// Units there are for a slot.
    fn available(&self, left: &[u32], slot: usize) -> u64 {
        self.members
            .iter()
            .filter(|m| m.gains.get(slot).is_some_and(Option::is_some))
            .map(|m| u64::from(at(left, m.class)))
            .sum()
    }

    /// There are units enough, and something to gain.
    fn is_possible(&self, left: &[u32]) -> bool {
        let gains = || {
            self.members
                .iter()
                .any(|m| at(left, m.class) > 0 && m.gains.iter().flatten().any(|g| *g > 0))
        };
        let enough = match &self.shape {
            Shape::Each | Shape::Breaks { .. } => true,
            Shape::Pool { buy, get } => {
                self.available(left, 0) >= u64::from(*buy) + u64::from(*get)
            }
            Shape::Sets { counts, .. } => counts
                .iter()
                .enumerate()
                .all(|(slot, n)| self.available(left, slot) >= u64::from(*n)),
        };
        enough && gains()
    }
}

// ---- exact ----

/// Spreads the keys of states over a table; they are small numbers, close together.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u64(&mut self, key: u64) {
        let mixed = (self.0 ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// How far a deal is filled, as one number below its radix.
struct Fill<'d> {
    deal: &'d Deal,
    /// Sets that may still be counted; none where the limit cannot be reached.
    limit: Option<u64>,
    /// [`Shape::Sets`]: one more than there are units, by slot.
    rooms: Vec<u64>,
    /// [`Shape::Breaks`]: what is wanted, by level, in `grain` thousandths.
    wanted: Vec<u64>,
    grain: u64,
    radix: u64,
    /// What the deals before it have, multiplied.
    stride: u64,
}

impl<'d> Fill<'d> {
    /// `None` where the states are more than can be numbered.
    fn new(deal: &'d Deal, classes: &[Class], left: &[u32], stride: u64) -> Option<Self> {
        let mut fill = Self {
            deal,
            limit: None,
            rooms: Vec::new(),
            wanted: Vec::new(),
            grain: 1,
            radix: 1,
            stride,
        };
        let limit = deal.limit.map(u64::from);
        match &deal.shape {
            Shape::Each => {
                fill.limit = limit.filter(|l| *l < deal.available(left, 0));
                fill.radix = fill.limit.unwrap_or(0).checked_add(1)?;
            }
            Shape::Pool { buy, get } => {
                let size = u64::from(*buy) + u64::from(*get);
                fill.limit = limit.filter(|l| *l < deal.available(left, 0) / size);
                fill.radix = size.checked_mul(fill.limit.unwrap_or(0).checked_add(1)?)?;
            }
            Shape::Sets { counts, .. } => {
                fill.rooms = (0..counts.len())
                    .map(|slot| deal.available(left, slot).saturating_add(1))
                    .collect();
                let most = counts
                    .iter()
                    .zip(&fill.rooms)
                    .map(|(n, room)| room.saturating_sub(1) / u64::from(*n).max(1))
                    .min();
                fill.limit = limit.filter(|l| most.is_some_and(|most| *l < most));
                fill.radix = fill.limit.unwrap_or(0).checked_add(1)?;
                for room in &fill.rooms {
                    fill.radix = fill.radix.checked_mul(*room)?;
                }
            }
            Shape::Breaks { from } => {
                let units = deal
                    .members
                    .iter()
                    .filter_map(|m| classes.get(m.class))
                    .map(|c| c.milli);
                fill.grain = units
                    .chain(from.iter().copied())
                    .filter_map(|n| u64::try_from(n).ok())
                    .fold(0, greatest_common_divisor)
                    .max(1);
                for wanted in from {
                    let wanted = u64::try_from(*wanted).ok()? / fill.grain;
                    fill.wanted.push(wanted);
                    fill.radix = fill.radix.checked_add(wanted)?.checked_add(1)?;
                }
            }
        }
        Some(fill)
    }

    /// Where the states of a level begin; 0 is no level.
    fn level_begins(&self, level: usize) -> u64 {
        1 + self
            .wanted
            .iter()
            .take(level)
            .map(|wanted| wanted + 1)
            .sum::<u64>()
    }

    /// Takes one unit into `slot`: the state after it and what it gains.
    fn step(&self, state: u64, slot: usize, gain: i128, milli: i64) -> Option<(u64, i128)> {
        match &self.deal.shape {
            Shape::Each => match self.limit {
                None => Some((state, gain)),
                Some(limit) => (state < limit).then_some((state + 1, gain)),
            },
            Shape::Pool { buy, get } => {
                let size = u64::from(*buy) + u64::from(*get);
                let (done, place) = (state / size, state % size);
                if self.limit == Some(done) {
                    return None;
                }
                let gain = if place < u64::from(*buy) { 0 } else { gain };
                let state = if place + 1 < size {
                    state + 1
                } else if self.limit.is_some() {
                    (done + 1) * size
                } else {
                    0
                };
                Some((state, gain))
            }
            Shape::Sets { counts, cost } => {
                let mut filled = Vec::with_capacity(counts.len());
                let mut rest = state;
                for room in &self.rooms {
                    filled.push(rest % room);
                    rest /= room;
                }
                let mut done = rest;
                if self.limit == Some(done) {
                    return None;
                }
                *filled.get_mut(slot)? += 1;
                let mut gain = gain;
                if counts.iter().zip(&filled).all(|(n, f)| *f >= u64::from(*n)) {
                    for (n, f) in counts.iter().zip(&mut filled) {
                        *f -= u64::from(*n);
                    }
                    gain -= cost;
                    done += u64::from(self.limit.is_some());
                }
                let state = filled
                    .iter()
                    .zip(&self.rooms)
                    .rev()
                    .fold(done, |state, (f, room)| state * room + f);
                Some((state, gain))
            }
            Shape::Breaks { .. } => {
                let begins = self.level_begins(slot);
                let wanted = *self.wanted.get(slot)?;
                let have = if state == 0 {
                    0
                } else {
                    state.checked_sub(begins).filter(|have| *have <= wanted)?
                };
                let more = u64::try_from(milli).ok()? / self.grain;
                Some((begins + (have + more).min(wanted), gain))
            }
        }
    }

    /// No unit was taken in vain.
    fn is_whole(&self, state: u64) -> bool {
        match &self.deal.shape {
            Shape::Each => true,
            Shape::Pool { buy, get } => state.is_multiple_of(u64::from(*buy) + u64::from(*get)),
            Shape::Sets { .. } => {
                let mut rest = state;
                self.rooms.iter().all(|room| {
                    let filled = rest % room;
                    rest /= room;
                    filled == 0
                })
            }
            Shape::Breaks { .. } => {
                state == 0
                    || self
                        .wanted
                        .iter()
                        .enumerate()
                        .any(|(level, wanted)| state == self.level_begins(level) + wanted)
            }
        }
    }
}

const fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The best way to a state.
#[derive(Clone, Copy)]
struct Node {
    state: u64,
    value: i128,
    /// In the layer before.
    parent: usize,
    /// Deal and slot that took the unit, or nobody.
    taken: Option<(usize, usize)>,
}

/// Deal, slot, gain.
type Choice = (usize, usize, i128);

/// The best grants of a component's deals; `None` where that takes more than
/// [`STEPS_MAX`].
fn search(
    classes: &[Class],
    left: &[u32],
    outside: &[Outside],
    deals: &[&Deal],
) -> Option<Vec<Grant>> {
    let mut fills: Vec<Fill<'_>> = Vec::with_capacity(deals.len());
    let mut stride = 1_u64;
    for deal in deals {
        let fill = Fill::new(deal, classes, left, stride)?;
        stride = stride.checked_mul(fill.radix)?;
        fills.push(fill);
    }
    let mut choices: BTreeMap<usize, Vec<Choice>> = BTreeMap::new();
    for (d, deal) in deals.iter().enumerate() {
        for member in &deal.members {
            let of = choices.entry(member.class).or_default();
            for (slot, gain) in member.gains.iter().enumerate() {
                if let Some(gain) = gain {
                    of.push((d, slot, *gain));
                }
            }
        }
    }
    // From the dearest down: classes are in that order.
    let mut layers: Vec<Vec<Node>> = Vec::new();
    let mut units: Vec<usize> = Vec::new();
    let mut layer = vec![Node {
        state: 0,
        value: 0,
        parent: 0,
        taken: None,
    }];
    let mut steps = 0_usize;
    let mut places: HashMap<u64, usize, BuildHasherDefault<Mix>> = HashMap::default();
    for (class, choices) in &choices {
        let milli = classes.get(*class)?.milli;
        let alone = at(outside, *class).gain;
        for _ in 0..at(left, *class) {
            let mut next: Vec<Node> = Vec::with_capacity(layer.len() * 2);
            places.clear();
            for (parent, node) in layer.iter().enumerate() {
                steps += 1 + choices.len();
                if steps > STEPS_MAX {
                    return None;
                }
                let mut reach = |state: u64, gain: i128, taken| {
                    let reached = Node {
                        state,
                        value: node.value + gain,
                        parent,
                        taken,
                    };
                    let place = *places.entry(state).or_insert(next.len());
                    match next.get_mut(place) {
                        None => next.push(reached),
                        Some(other) if other.value < reached.value => *other = reached,
                        Some(_) => {}
                    }
                };
                reach(node.state, alone, None);
                for (d, slot, gain) in choices {
                    let Some(fill) = fills.get(*d) else { continue };
                    let before = node.state / fill.stride % fill.radix;
                    if let Some((after, gain)) = fill.step(before, *slot, *gain, milli) {
                        let state = node.state - before * fill.stride + after * fill.stride;
                        reach(state, gain, Some((*d, *slot)));
                    }
                }
            }
            layers.push(std::mem::replace(&mut layer, next));
            units.push(*class);
        }
    }
    let whole = |node: &&Node| {
        fills
            .iter()
            .all(|fill| fill.is_whole(node.state / fill.stride % fill.radix))
    };
    // The first of the best, so that a tie is always broken the same way.
    let mut end = layer.iter().find(whole)?;
    for node in layer.iter().filter(whole) {
        if node.value > end.value {
            end = node;
        }
    }
    // Back to the front: who took which unit.
    let mut taken: Vec<Vec<(usize, usize)>> = vec![Vec::new(); deals.len()];
    let mut node = *end;
    for (class, layer) in units.iter().zip(&layers).rev() {
        if let Some((d, slot)) = node.taken
            && let Some(of) = taken.get_mut(d)
        {
            of.push((*class, slot));
        }
        node = *layer.get(node.parent)?;
    }
    let mut grants = Vec::new();
    for (deal, mut units) in deals.iter().zip(taken) {
        units.reverse();
        grants.extend(deal.grants(&units));
    }
    Some(grants)
}

impl Deal {
    fn gain(&self, class: usize, slot: usize) -> i128 {
        self.members
            .iter()
            .find(|m| m.class == class)
            .and_then(|m| m.gains.get(slot).copied().flatten())
            .unwrap_or(0)
    }

    /// Groups the units that were given to it, class and slot, the dearest first.
    fn grants(&self, units: &[(usize, usize)]) -> Vec<Grant> {
        let mut sets: Vec<(Vec<usize>, i128)> = Vec::new();
        match &self.shape {
            Shape::Each | Shape::Breaks { .. } => {
                for (class, slot) in units {
                    sets.push((vec![*class], self.gain(*class, *slot)));
                }
            }
            Shape::Pool { buy, get } => {
                let (buy, get) = (size_of(*buy), size_of(*get));
                for set in units.chunks(buy + get) {
                    let saving = set.iter().skip(buy).map(|(c, s)| self.gain(*c, *s)).sum();
                    sets.push((set.iter().map(|(class, _)| *class).collect(), saving));
                }
            }
            Shape::Sets { counts, cost } => {
                let mut slots: Vec<_> = counts
                    .iter()
                    .enumerate()
                    .map(|(slot, n)| {
                        let of: Vec<(usize, usize)> =
                            units.iter().filter(|(_, s)| *s == slot).copied().collect();
                        (of.into_iter(), size_of(*n))
                    })
                    .collect();
                let all: usize = counts.iter().map(|n| size_of(*n)).sum();
                for _ in 0..units.len() / all.max(1) {
                    let mut set: Vec<usize> = Vec::with_capacity(all);
                    let mut saving = -*cost;
                    for (of, n) in &mut slots {
                        for (class, slot) in of.take(*n) {
                            saving += self.gain(class, slot);
                            set.push(class);
                        }
                    }
                    set.sort_unstable();
                    sets.push((set, saving));
                }
            }
        }
        // Sets that are alike are one grant.
        let mut alike: BTreeMap<(Vec<usize>, i128), u32> = BTreeMap::new();
        for set in sets {
            *alike.entry(set).or_default() += 1;
        }
        alike
            .into_iter()
            .map(|((set, saving), n)| {
                let mut parts: Vec<(usize, u32)> = Vec::new();
                for class in set {
                    match parts.last_mut() {
                        Some((last, units)) if *last == class => *units += n,
                        _ => parts.push((class, n)),
                    }
                }
                Grant {
                    offer: self.offer,
                    parts,
                    saving: times(n, saving),
                }
            })
            .collect()
    }
}

fn size_of(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

// ---- in turn ----

/// What a deal would take on its own, and by how much that beats the fallbacks of
/// the same units.
#[derive(Default)]
struct Plan {
    grants: Vec<Grant>,
    net: i128,
}

/// A slot of sets, with the units that it may choose from, the best first.
struct Slot {
    available: u64,
    count: u32,
    units: Vec<(usize, i128)>,
}

impl Plan {
    /// Adds a set, so many times; one that does not beat the fallbacks is left.
    fn add(
        &mut self,
        deal: &Deal,
        set: &[(usize, u32)],
        saving: i128,
        n: u32,
        outside: &[Outside],
    ) -> bool {
        let fallback: i128 = set
            .iter()
            .map(|(class, units)| times(*units, at(outside, *class).gain))
            .sum();
        let net = times(n, saving - fallback);
        if net <= 0 {
            return false;
        }
        self.net += net;
        self.grants.push(Grant {
            offer: deal.offer,
            parts: set
                .iter()
                .map(|(class, units)| (*class, units.saturating_mul(n)))
                .collect(),
            saving: times(n, saving),
        });
        true
    }

    fn better(self, other: Self) -> Self {
        if other.net > self.net { other } else { self }
    }
}

fn in_turn(classes: &[Class], left: &[u32], outside: &[Outside], deals: &[&Deal]) -> Vec<Grant> {
    let mut order: Vec<(i128, &Deal)> = deals
        .iter()
        .map(|deal| (deal.alone(classes, left, outside).net, *deal))
        .filter(|(net, _)| *net > 0)
        .collect();
    order.sort_by_key(|(net, deal)| (std::cmp::Reverse(*net), deal.offer));
    let mut left = left.to_vec();
    let mut grants = Vec::new();
    for (_, deal) in order {
        if deal.is_possible(&left) {
            let plan = deal.alone(classes, &left, outside);
            take(&mut left, &plan.grants);
            grants.extend(plan.grants);
        }
    }
    grants
}

impl Deal {
    /// What it takes alone: never less than without the fallbacks, less these.
    fn alone(&self, classes: &[Class], left: &[u32], outside: &[Outside]) -> Plan {
        match &self.shape {
            Shape::Each => self.alone_each(left, outside),
            Shape::Pool { buy, get } => self.alone_pool(*buy, *get, left, outside),
            Shape::Sets { counts, cost } => {
                // Sets that overlap may fit in ways that taking the best first
                // does not see.
                let nothing = vec![Outside::default(); outside.len()];
                let overlap = |m: &Member| m.gains.iter().flatten().count() > 1;
                let mut plan = Plan::default();
                if self.members.iter().any(overlap) {
                    let exact = search(classes, left, &nothing, &[self]);
                    for grant in exact.unwrap_or_default() {
                        plan.add(self, &grant.parts, grant.saving, 1, outside);
                    }
                }
                plan.better(self.alone_sets(counts, *cost, left, outside, &nothing))
                    .better(self.alone_sets(counts, *cost, left, outside, outside))
            }
            Shape::Breaks { from } => self.alone_breaks(from, classes, left, outside),
        }
    }

    fn alone_each(&self, left: &[u32], outside: &[Outside]) -> Plan {
        let mut members: Vec<(i128, usize)> = self
            .members
            .iter()
            .map(|m| (self.gain(m.class, 0) - at(outside, m.class).gain, m.class))
            .collect();
        members.sort_by_key(|(net, class)| (std::cmp::Reverse(*net), *class));
        let mut plan = Plan::default();
        let mut may = self.limit.unwrap_or(u32::MAX);
        for (_, class) in members {
            let n = at(left, class).min(may);
            if n > 0 && plan.add(self, &[(class, 1)], self.gain(class, 0), n, outside) {
                may -= n;
            }
        }
        plan
    }

    fn alone_pool(&self, buy: u32, get: u32, left: &[u32], outside: &[Outside]) -> Plan {
        let size = buy.saturating_add(get).max(1);
        let mut plan = Plan::default();
        let mut may = self.limit.unwrap_or(u32::MAX);
        // The set that is being filled, and what its cheap ones gain.
        let (mut set, mut filled, mut saving) = (Vec::new(), 0_u32, 0_i128);
        for member in &self.members {
            let (class, gain) = (member.class, self.gain(member.class, 0));
            let mut units = at(left, class);
            while units > 0 && may > 0 {
                if filled == 0 && units >= size {
                    let n = (units / size).min(may);
                    if plan.add(self, &[(class, size)], times(get, gain), n, outside) {
                        may -= n;
                    }
                    units -= units / size * size;
                    continue;
                }
                let n = units.min(size - filled);
                let paid = buy.saturating_sub(filled).min(n);
                saving += times(n - paid, gain);
                set.push((class, n));
                filled += n;
                units -= n;
                if filled == size {
                    if plan.add(self, &set, saving, 1, outside) {
                        may -= 1;
                    }
                    (filled, saving) = (0, 0);
                    set.clear();
                }
            }
        }
        plan
    }

    /// The dearest units first, by what they gain over `beside`.
    fn alone_sets(
        &self,
        counts: &[u32],
        cost: i128,
        left: &[u32],
        outside: &[Outside],
        beside: &[Outside],
    ) -> Plan {
        let mut slots: Vec<Slot> = counts
            .iter()
            .enumerate()
            .map(|(slot, n)| {
                let mut units: Vec<(usize, i128)> = self
                    .members
                    .iter()
                    .filter_map(|m| Some((m.class, m.gains.get(slot).copied().flatten()?)))
                    .collect();
                units.sort_by_key(|(class, gain)| {
                    (std::cmp::Reverse(gain - at(beside, *class).gain), *class)
                });
                Slot {
                    available: self.available(left, slot),
                    count: *n,
                    units,
                }
            })
            .collect();
        // The slot with the fewest to choose from chooses first.
        slots.sort_by_key(|slot| slot.available);
        let mut rest: BTreeMap<usize, u32> = self
            .members
            .iter()
            .map(|m| (m.class, at(left, m.class)))
            .collect();
        let mut plan = Plan::default();
        let mut may = self.limit.unwrap_or(u32::MAX);
        while may > 0 {
            let mut set: BTreeMap<usize, u32> = BTreeMap::new();
            let mut saving = -cost;
            for slot in &slots {
                let mut want = slot.count;
                for (class, gain) in &slot.units {
                    let used = set.get(class).copied().unwrap_or(0);
                    let free = rest.get(class).copied().unwrap_or(0).saturating_sub(used);
                    let n = want.min(free);
                    if n > 0 {
                        *set.entry(*class).or_default() += n;
                        saving += times(n, *gain);
                        want -= n;
                    }
                }
                if want > 0 {
                    return plan;
                }
            }
            if saving <= 0 {
                return plan;
            }
            let parts: Vec<(usize, u32)> = set.into_iter().collect();
            let n = parts
                .iter()
                .filter_map(|(class, n)| rest.get(class)?.checked_div(*n))
                .min()
                .unwrap_or(0)
                .min(may);
            if n == 0 {
                return plan;
            }
            if plan.add(self, &parts, saving, n, outside) {
                may -= n;
            }
            for (class, units) in &parts {
                if let Some(left) = rest.get_mut(class) {
                    *left = left.saturating_sub(units.saturating_mul(n));
                }
            }
        }
        plan
    }

    fn alone_breaks(
        &self,
        from: &[i64],
        classes: &[Class],
        left: &[u32],
        outside: &[Outside],
    ) -> Plan {
        let milli = |class: usize| classes.get(class).map_or(0, |c| c.milli).max(1);
        let of = |class: usize, n: u32| milli(class).saturating_mul(i64::from(n));
        let mut best = Plan::default();
        for (level, wanted) in from.iter().enumerate() {
            // All of them, and those that gain by it with the least of the others.
            let mut members: Vec<(i128, usize, u32)> = self
                .members
                .iter()
                .map(|m| {
                    let over = self.gain(m.class, level) - at(outside, m.class).gain;
                    (over, m.class, at(left, m.class))
                })
                .collect();
            members.sort_by_key(|(over, class, _)| (std::cmp::Reverse(*over), *class));
            let all: i64 = members.iter().map(|(_, class, n)| of(*class, *n)).sum();
            if all < *wanted {
                continue;
            }
            let mut have = 0_i64;
            let mut few = Vec::with_capacity(members.len());
            for (over, class, n) in &members {
                let n = if *over > 0 {
                    *n
                } else {
                    let lacks = wanted.saturating_sub(have).max(0);
                    let more = lacks.saturating_add(milli(*class) - 1) / milli(*class);
                    u32::try_from(more).unwrap_or(u32::MAX).min(*n)
                };
                have = have.saturating_add(of(*class, n));
                few.push((*over, *class, n));
            }
            for chosen in [few, members] {
                let net: i128 = chosen.iter().map(|(over, _, n)| times(*n, *over)).sum();
                if net > best.net {
                    best = Plan {
                        net,
                        grants: chosen
                            .iter()
                            .filter(|(_, _, n)| *n > 0)
                            .map(|(_, class, n)| Grant {
                                offer: self.offer,
                                parts: vec![(*class, *n)],
                                saving: times(*n, self.gain(*class, level)),
                            })
                            .collect(),
                    };
                }
            }
        }
        best
    }
}
