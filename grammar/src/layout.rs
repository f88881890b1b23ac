//! Where lines break: a [`Doc`] says where they may, [`render`] decides, in one pass from left to right.
//!
//! A group is set on one line if it fits there together with what must follow it, else its breaks become new lines; a fill breaks
//! only where the next part does not fit or the one before took several lines. Widths are known when a document is built, so that
//! layout takes linear time. Comments end their line, whatever stands around them. At last, signs and comments of lines that belong
//! together are put below each other: alignment sees finished lines and changes no break, so that formatting twice changes nothing.

/// The longest line.
pub(crate) const WIDTH: usize = 120;
/// One level.
const INDENT: usize = 4;
/// A width that fits nowhere.
const NEVER: usize = usize::MAX / 4;

/// A text that knows where it may break.
pub(crate) struct Doc {
    kind: Kind,
    /// Its width on one line.
    pub flat: usize,
    /// Its width up to its first possible break, and whether there is one.
    lead: usize,
    breaks: bool,
}

enum Kind {
    Text(String),
    Space,
    Line,
    Soft,
    Hard,
    Blank,
    Comment(String, bool),
    Mark(Align),
    Concat(Vec<Doc>),
    Group(Box<Doc>),
    Nest(Box<Doc>),
    Fill(Vec<Doc>),
    Assign(Box<Doc>),
}

/// What is put below each other in successive lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// `=` of a `fn`.
    Function,
    /// `=` behind a bare name.
    Equation,
    /// `=` of a `let`.
    Let,
    /// `<-`
    Update,
    /// A comment behind a line.
    Comment,
}

impl Doc {
    fn new(kind: Kind, flat: usize, lead: usize, breaks: bool) -> Doc {
        Doc { kind, flat: flat.min(NEVER), lead: lead.min(NEVER), breaks }
    }
    /// A text without new lines.
    pub fn text(text: impl Into<String>) -> Doc {
        let text = text.into();
        let width = text.chars().count();
        Doc::new(Kind::Text(text), width, width, false)
    }
    /// Nothing.
    pub fn nothing() -> Doc {
        Doc::concat(Vec::new())
    }
    /// A space that is no break.
    pub fn space() -> Doc {
        Doc::new(Kind::Space, 1, 1, false)
    }
    /// A space or a new line.
    pub fn line() -> Doc {
        Doc::new(Kind::Line, 1, 0, true)
    }
    /// Nothing or a new line.
    pub fn soft() -> Doc {
        Doc::new(Kind::Soft, 0, 0, true)
    }
    /// A new line.
    pub fn hard() -> Doc {
        Doc::new(Kind::Hard, NEVER, 0, true)
    }
    /// An empty line.
    pub fn blank() -> Doc {
        Doc::new(Kind::Blank, NEVER, 0, true)
    }
    /// A comment behind what stands before it, or on a line of its own.
    pub fn comment(text: String, trailing: bool) -> Doc {
        Doc::new(Kind::Comment(text, trailing), NEVER, 0, true)
    }
    /// What is aligned begins here.
    pub fn mark(align: Align) -> Doc {
        Doc::new(Kind::Mark(align), 0, 0, false)
    }
    /// One after the other.
    pub fn concat(parts: Vec<Doc>) -> Doc {
        let flat = parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.flat).min(NEVER));
        let first = parts.iter().position(|part| part.breaks);
        let lead = parts[..first.map_or(parts.len(), |first| first + 1)].iter().fold(0, |sum: usize, part| (sum + part.lead).min(NEVER));
        Doc::new(Kind::Concat(parts), flat, lead, first.is_some())
    }
    /// On one line, if it fits.
    pub fn group(inner: Doc) -> Doc {
        let (flat, lead, breaks) = (inner.flat, inner.lead, inner.breaks);
        Doc::new(Kind::Group(Box::new(inner)), flat, lead, breaks)
    }
    /// What a group holds, to be broken together with what stands around it.
    pub fn ungrouped(self) -> Doc {
        match self.kind {
            Kind::Group(inner) => *inner,
            _ => self,
        }
    }
    /// New lines inside stand further right.
    pub fn nest(inner: Doc) -> Doc {
        let (flat, lead, breaks) = (inner.flat, inner.lead, inner.breaks);
        Doc::new(Kind::Nest(Box::new(inner)), flat, lead, breaks)
    }
    /// Parts with a space or new line between them, as many on a line as fit.
    pub fn fill(parts: Vec<Doc>) -> Doc {
        let flat = parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.flat + 1).min(NEVER)).saturating_sub(1);
        let lead = parts.first().map_or(0, |part| part.lead);
        let breaks = parts.len() > 1 || parts.iter().any(|part| part.breaks);
        Doc::new(Kind::Fill(parts), flat, lead, breaks)
    }
    /// What stands behind `=`: on the same line, or if it fits only there on the next, or broken.
    pub fn assign(inner: Doc) -> Doc {
        let flat = inner.flat.saturating_add(1);
        Doc::new(Kind::Assign(Box::new(inner)), flat, 0, true)
    }
}

/// The lines of a document, without the last new line.
pub(crate) fn render(doc: &Doc) -> String {
    let mut page =
        Page { lines: vec![String::new()], width: 0, newline: None, blank: false, space: false, marked: None, marks: Vec::new() };
    page.put(doc, false, 0, 0);
    align(&mut page.lines, &page.marks);
    page.lines.join("\n")
}

struct Mark {
    align: Align,
    line: usize,
    /// In bytes.
    at: usize,
    /// In characters.
    column: usize,
}

struct Page {
    lines: Vec<String>,
    /// Of the last line, in characters.
    width: usize,
    /// A new line has been asked for, with this indent.
    newline: Option<usize>,
    /// With an empty line before it.
    blank: bool,
    /// A space has been asked for.
    space: bool,
    /// The next text is to be marked.
    marked: Option<Align>,
    marks: Vec<Mark>,
}

impl Page {
    fn last(&mut self) -> &mut String {
        self.lines.last_mut().expect("a page has a line")
    }

    /// Where the next text will stand.
    fn column(&self) -> usize {
        match self.newline {
            Some(indent) if self.started() => indent,
            _ => self.width + usize::from(self.space),
        }
    }

    fn started(&self) -> bool {
        self.lines.len() > 1 || self.width > 0
    }

    /// Settles spaces and new lines that were asked for.
    fn settle(&mut self) {
        if let Some(indent) = self.newline.take() {
            if self.started() {
                if self.blank {
                    self.lines.push(String::new());
                }
                self.lines.push(" ".repeat(indent));
                self.width = indent;
            }
        } else if self.space && self.width > 0 {
            self.last().push(' ');
            self.width += 1;
        }
        self.space = false;
        self.blank = false;
    }

    /// The next character is marked.
    fn mark(&mut self, align: Align) {
        let (line, column) = (self.lines.len() - 1, self.width);
        self.marks.push(Mark { align, line, at: self.lines[line].len(), column });
    }

    fn write(&mut self, text: &str, width: usize) {
        self.settle();
        if let Some(align) = self.marked.take() {
            self.mark(align);
        }
        self.last().push_str(text);
        self.width += width;
    }

    fn put(&mut self, doc: &Doc, flat: bool, indent: usize, tail: usize) {
        match &doc.kind {
            Kind::Text(text) => self.write(text, doc.flat),
            Kind::Space => self.space = true,
            Kind::Line if flat => self.space = true,
            Kind::Soft if flat => {}
            Kind::Line | Kind::Soft | Kind::Hard => self.newline = Some(indent),
            Kind::Blank => {
                self.newline = Some(indent);
                self.blank = true;
            }
            Kind::Comment(text, trailing) => {
                if *trailing && self.started() {
                    // It belongs to the line that is there, even if a new one has been asked for.
                    let blank = std::mem::take(&mut self.blank);
                    self.newline = None;
                    self.space = false;
                    self.mark(Align::Comment);
                    let text = format!("  {text}");
                    self.last().push_str(&text);
                    self.width += text.chars().count();
                    self.blank = blank;
                } else {
                    let marked = self.marked.take();
                    self.newline = Some(indent);
                    self.write(text, text.chars().count());
                    self.marked = marked;
                }
                self.newline = Some(indent);
            }
            Kind::Mark(align) => self.marked = Some(*align),
            Kind::Concat(parts) => {
                let mut tails = vec![tail; parts.len()];
                for at in (1..parts.len()).rev() {
                    let next = &parts[at];
                    tails[at - 1] = if next.breaks { next.lead } else { (next.lead + tails[at]).min(NEVER) };
                }
                for (part, tail) in parts.iter().zip(tails) {
                    self.put(part, flat, indent, tail);
                }
            }
            Kind::Group(inner) => {
                let flat = flat || self.fits(inner.flat, tail);
                self.put(inner, flat, indent, tail);
            }
            Kind::Nest(inner) => self.put(inner, flat, indent + INDENT, tail),
            Kind::Fill(parts) => {
                // Nothing follows on the last line of a part that has several.
                let mut several = false;
                for (at, part) in parts.iter().enumerate() {
                    let tail = if at + 1 == parts.len() { tail } else { 0 };
                    if at > 0 {
                        if flat || (!several && part.flat < NEVER && self.fits(part.flat + 1, tail)) {
                            self.space = true;
                        } else {
                            self.newline = Some(indent);
                        }
                    }
                    let flat = flat || self.fits(part.flat, tail);
                    self.put(part, flat, indent, tail);
                    several = !flat && part.breaks;
                }
            }
            Kind::Assign(inner) => {
                let below = indent + INDENT;
                if flat || self.fits(inner.flat + 1, tail) {
                    self.space = true;
                    self.put(inner, true, indent, tail);
                } else if below + inner.flat + tail <= WIDTH {
                    self.newline = Some(below);
                    self.put(inner, true, below, tail);
                } else {
                    self.space = true;
                    self.put(inner, false, indent, tail);
                }
            }
        }
    }

    fn fits(&self, width: usize, tail: usize) -> bool {
        self.column().saturating_add(width).saturating_add(tail) <= WIDTH
    }
}

/// Puts marked places of successive lines below each other, where they are not far apart.
fn align(lines: &mut [String], marks: &[Mark]) {
    let mut padding = vec![0; lines.len()];
    // Signs: only where the line holds the whole statement.
    let mut signs: Vec<&Mark> = Vec::new();
    let mut comments: Vec<&Mark> = Vec::new();
    let by_line = comments_by_line(lines.len(), marks);
    for mark in marks {
        if mark.align == Align::Comment {
            comments.push(mark);
            continue;
        }
        let code = by_line[mark.line].map_or(lines[mark.line].as_str(), |at| &lines[mark.line][..at]);
        if code.ends_with(';') {
            signs.push(mark);
        }
    }
    for run in runs(&signs, lines, 16) {
        let column = run.iter().map(|mark| mark.column).max().unwrap_or(0);
        let longest = run.iter().map(|mark| by_line[mark.line].unwrap_or(lines[mark.line].len()) + column - mark.column).max();
        if longest.unwrap_or(0) <= WIDTH {
            for mark in run {
                let pad = column - mark.column;
                lines[mark.line].insert_str(mark.at, &" ".repeat(pad));
                padding[mark.line] = pad;
            }
        }
    }
    let shifted: Vec<Mark> = comments
        .iter()
        .map(|mark| Mark { align: mark.align, line: mark.line, at: mark.at + padding[mark.line], column: mark.column + padding[mark.line] })
        .collect();
    for run in runs(&shifted.iter().collect::<Vec<_>>(), lines, 40) {
        let column = run.iter().map(|mark| mark.column).max().unwrap_or(0);
        for mark in run {
            lines[mark.line].insert_str(mark.at, &" ".repeat(column - mark.column));
        }
    }
}

/// Where the comment behind each line begins.
fn comments_by_line(lines: usize, marks: &[Mark]) -> Vec<Option<usize>> {
    let mut found = vec![None; lines];
    for mark in marks.iter().filter(|mark| mark.align == Align::Comment) {
        found[mark.line] = Some(mark.at);
    }
    found
}

/// Marks of the same kind in successive lines of the same indent whose columns differ by at most `spread`.
fn runs<'m>(marks: &[&'m Mark], lines: &[String], spread: usize) -> Vec<Vec<&'m Mark>> {
    let indent = |mark: &Mark| lines[mark.line].len() - lines[mark.line].trim_start().len();
    let mut all: Vec<Vec<&Mark>> = Vec::new();
    let mut range = (0, 0);
    for &mark in marks {
        let joined = all.last_mut().filter(|run| {
            let last = run[run.len() - 1];
            let together =
                last.line + 1 == mark.line && last.align == mark.align && (mark.align == Align::Comment || indent(last) == indent(mark));
            together && range.1.max(mark.column) - range.0.min(mark.column) <= spread
        });
        match joined {
            Some(run) => {
                range = (range.0.min(mark.column), range.1.max(mark.column));
                run.push(mark);
            }
            None => {
                range = (mark.column, mark.column);
                all.push(vec![mark]);
            }
        }
    }
    all
}
