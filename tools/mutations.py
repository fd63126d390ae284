# SPDX-License-Identifier: BSD-2-Clause
"""Finds what can be broken in a C source, and writes a source in which each break can be switched on.

A mutation is one expression in the place of another: a condition of an `if` negated or never true; an operand
of && or ||, or the condition of a ?:, taken out or negated; a comparison off by one (but not in `a < b ? a : b`,
where that changes nothing). Assertions are left alone: they are about callers. tools/mutants.py tries them.
"""

import re

COMPARISON = re.compile(r"(?<![<>=!\-])(<=|>=|<|>)(?![<>=])")
OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


def masked(text):
    """The text with comments, what is quoted, and preprocessor lines blanked, so that places stay the same."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.DOTALL)
    quoted = lambda match: match.group()[0] + "_" * (len(match.group()) - 2) + match.group()[-1]
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', quoted, text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE)


class Mutant:
    """[begin, end) of the file's text is replaced; what differs is in [first, last)."""

    def __init__(self, begin, end, replacement, first, last):
        self.begin, self.end, self.replacement = begin, end, replacement
        self.first, self.last = first, last
        self.file = self.name = self.text = self.number = None
        self.noticed_by = self.case = None
        self.seconds = 0.0


class Finder:
    def __init__(self, text):
        self.text, self.code = text, masked(text)

    def closing(self, at):
        """Where the bracket that opens at `at` closes."""
        depth = 0
        for place in range(at, len(self.code)):
            depth += (self.code[place] in "([{") - (self.code[place] in ")]}")
            if depth == 0:
                return place
        raise ValueError("unbalanced brackets")

    def trim(self, begin, end):
        while begin < end and self.code[begin].isspace():
            begin += 1
        while end > begin and self.code[end - 1].isspace():
            end -= 1
        return begin, end

    def top(self, begin, end):
        """The places in [begin, end) that stand in no brackets of their own."""
        depth = 0
        for place in range(begin, end):
            depth += (self.code[place] in "([{") - (self.code[place] in ")]}")
            if depth == 0:
                yield place

    def split(self, begin, end, operator):
        """[begin, end) cut at an operator that stands in no brackets."""
        parts, last = [], begin
        for place in self.top(begin, end):
            if place >= last and self.code.startswith(operator, place):
                parts.append((last, place))
                last = place + len(operator)
        return parts + [(last, end)]

    def choice(self, begin, end):
        """The three parts of a ?:, or None."""
        question, depth = None, 0
        for place in self.top(begin, end):
            if self.code[place] == "?":
                question = place if question is None else question
                depth += 1
            elif self.code[place] == ":" and depth:
                depth -= 1
                if depth == 0:
                    return (begin, question), (question + 1, place), (place + 1, end)
        return None

    def whole(self, begin, end):
        """Changes of a condition, and inside it."""
        begin, end = self.trim(begin, end)
        yield Mutant(begin, end, f"!({self.text[begin:end]})", begin, end)
        yield Mutant(begin, end, "0", begin, end)
        yield from self.inside(begin, end)

    def inside(self, begin, end):
        begin, end = self.trim(begin, end)
        negated = re.compile(r"!\s*(?=\()").match(self.code, begin, end)
        inner = negated.end() if negated else begin
        if inner < end and self.code[inner] == "(" and self.closing(inner) == end - 1:
            yield from self.inside(inner + 1, end - 1)
            return
        choice = self.choice(begin, end)
        if choice:
            smaller = re.fullmatch(r"(.+?)\s*[<>]=?\s*(.+)", self.code[slice(*self.trim(*choice[0]))])
            results = {self.code[slice(*self.trim(*part))] for part in choice[1:]}
            for mutant in self.whole(*choice[0]):
                # Which of two equal numbers is the smaller one is the same.
                if not (smaller and set(smaller.groups()) == results and mutant.first > mutant.begin):
                    yield mutant
            yield from self.inside(*choice[1])
            yield from self.inside(*choice[2])
            return
        for operator, neutral in (("||", "0"), ("&&", "1")):
            parts = self.split(begin, end, operator)
            if len(parts) > 1:
                for part in parts:
                    first, last = self.trim(*part)
                    yield Mutant(first, last, neutral, first, last)
                    yield Mutant(first, last, f"!({self.text[first:last]})", first, last)
                    yield from self.inside(first, last)
                return
        for place in self.top(begin, end):
            match = COMPARISON.match(self.code, place, end)
            if match:
                whole = self.text[begin:place] + OFF_BY_ONE[match.group(1)] + self.text[match.end():end]
                yield Mutant(begin, end, whole, place, match.end())

    def all(self):
        for match in re.finditer(r"\b(if|while|for)\s*(?=\()", self.code):
            begin, end = match.end() + 1, self.closing(match.end())
            if match.group(1) == "if":
                yield from self.whole(begin, end)
            elif match.group(1) == "while":
                yield from self.inside(begin, end)
            else:
                yield from self.inside(*self.split(begin, end, ";")[1])
        # Values of expressions: what is returned, stored or chosen.
        for match in re.finditer(r"\breturn\b([^;{}]*);|(?<![=!<>])=(?!=)([^;{}]*);", self.code):
            begin, end = match.span(1) if match.group(1) is not None else match.span(2)
            value = self.code[begin:end]
            if value.count("(") != value.count(")") or not re.search(r"&&|\|\||\?|[<>=!]=|\s[<>]\s", value):
                continue
            if match.group(1) is not None and "?" not in value:
                first, last = self.trim(begin, end)
                yield Mutant(first, last, f"!({self.text[first:last]})", first, last)
            # A declaration may have several, and one value be stored twice.
            for first, last in self.split(begin, end, ","):
                stored = re.compile(r"(?:\s*[\w*]+(?:(?:->|\.)\w+)*\s*=(?!=))+").match(self.code, first, last)
                yield from self.inside(stored.end() if stored else first, last)


def named(finder, file, mutant):
    """Says in one line where it is, what stood there and what stands there now."""
    text, begin, end = finder.text, mutant.begin, mutant.end
    mutant.file, mutant.text = file, text[:begin] + mutant.replacement + text[end:]
    longer = len(mutant.text) - len(text)
    heads = re.findall(r"^[a-z][^\n;=]*?(\w+)\([^;{]*\)\s*\{", finder.code[:begin], re.MULTILINE)

    def lines(of, last):
        first = of.rfind("\n", 0, mutant.first) + 1
        stop = of.find("\n", last)
        return " ".join(line.strip() for line in of[first:stop].splitlines())

    mutant.name = (f"{file}: {heads[-1] if heads else '?'}: {lines(text, mutant.last)}  =>  "
                   f"{lines(mutant.text, mutant.last + longer)}")
    return mutant


def mutants_of(file, text):
    """All of a file, each once."""
    finder, seen = Finder(text), set()
    for mutant in finder.all():
        if "vport_logs(" in finder.code[mutant.begin:mutant.end]:
            continue
        named(finder, file, mutant)
        if mutant.text not in seen:
            seen.add(mutant.text)
            yield mutant


def switchable(text, mutants):
    """The text, in which each mutant is there when MUTANT(its number) says so."""
    spans = {}
    for mutant in mutants:
        spans.setdefault((mutant.begin, mutant.end), []).append(mutant)
    # Outer ones before those that they hold.
    order = sorted(spans, key=lambda span: (span[0], -span[1]))

    def written(begin, end, at):
        """[begin, end), whose first span is order[at]; and the first span behind it."""
        out, place = [], begin
        while at < len(order) and order[at][1] <= end:
            first, last = order[at]
            inner, after = written(first, last, at + 1)
            for mutant in spans[order[at]]:
                inner = f"(MUTANT({mutant.number}) ? ({mutant.replacement}) : ({inner}))"
            out += [text[place:first], inner]
            place, at = last, after
        return "".join(out) + text[place:end], at

    return written(0, len(text), 0)[0]
