//! The bar of where a task's time goes. Each part has a sign of its own, so that it can be read
//! without colours.

use anstyle::Style;
use laneway_core::verdict::Evidence;

use crate::cli::output::{CYAN, DIM, PLAIN, RED, YELLOW};

/// A part of the wall time.
struct Part {
    name: &'static str,
    share: f64,
    ascii: char,
    block: char,
    style: Style,
}

/// The parts of the wall time, in the order of the bar. They add up to 1.
fn parts(evidence: &Evidence) -> [Part; 7] {
    let shares = evidence.shares;
    let own = evidence.own_blocked_share.unwrap_or(1.0);
    let blocked = if evidence.own_blocked_share.is_some() { "blocked" } else { "blocked or GIL" };
    let part = |name, share, (ascii, block), style| Part { name, share, ascii, block, style };
    [
        part("cpu", shares.cpu, ('#', '█'), CYAN),
        part(blocked, shares.blocked * own, ('X', '▓'), RED),
        part("GIL", shares.blocked * (1.0 - own), ('g', '▒'), YELLOW),
        part("run queue", shares.run_delay, ('~', '▚'), YELLOW),
        part("awaited", shares.awaited, ('.', '░'), DIM),
        part("its turn", shares.turn, ('-', '─'), DIM),
        part("unknown", shares.other, ('?', '·'), PLAIN),
    ]
}

/// The bar, of this many signs.
pub(in crate::cli) fn bar(evidence: &Evidence, width: usize, has_unicode: bool) -> String {
    let mut text = String::new();
    let (mut sum, mut drawn) = (0.0, 0);
    for part in parts(evidence) {
        sum += part.share;
        let end = cells(sum, width);
        let sign = if has_unicode { part.block } else { part.ascii };
        let signs = String::from(sign).repeat(end.saturating_sub(drawn));
        if !signs.is_empty() {
            text.extend([part.style.render().to_string(), signs]);
            text.extend([part.style.render_reset().to_string()]);
        }
        drawn = end.max(drawn);
    }
    text
}

/// What the signs mean, and the shares. Parts without a share worth a word are left out.
pub(in crate::cli) fn legend(evidence: &Evidence, has_unicode: bool) -> Vec<String> {
    let shown = parts(evidence).into_iter().filter(|part| part.share >= 0.005);
    let text = |part: Part| {
        let sign = if has_unicode { part.block } else { part.ascii };
        format!("{sign} {} {:.0} %", part.name, part.share * 100.0)
    };
    shown.map(text).collect()
}

/// How many of `width` signs a share fills.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a line's width"
)]
fn cells(share: f64, width: usize) -> usize {
    (share.clamp(0.0, 1.0) * width as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use laneway_core::verdict::Shares;

    use super::*;

    fn evidence(own_blocked_share: Option<f64>) -> Evidence {
        let shares =
            Shares { cpu: 0.25, blocked: 0.5, awaited: 0.2, other: 0.05, ..Shares::default() };
        Evidence { shares, own_blocked_share, ..Evidence::default() }
    }

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_bar_has_its_width_and_a_sign_for_each_part() {
        let known = evidence(Some(0.5));
        assert_eq!(bare(&bar(&known, 20, false)), "#####XXXXXggggg....?");
        assert_eq!(bare(&bar(&known, 20, true)), "█████▓▓▓▓▓▒▒▒▒▒░░░░·");
        assert_eq!(legend(&known, false)[1..3], ["X blocked 25 %", "g GIL 25 %"]);
        assert_eq!(legend(&evidence(None), false)[1], "X blocked or GIL 50 %");
    }

    #[test]
    fn parts_that_round_up_do_not_make_the_bar_longer() {
        for width in 1..100 {
            let text = bare(&bar(&evidence(Some(0.333)), width, false));
            assert_eq!(text.chars().count(), width);
        }
    }
}
