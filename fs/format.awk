# SPDX-License-Identifier: MIT
#
# core/FORMAT.md as the source of a manual page, for scdoc.
#
# It knows the Markdown of that page: headings, paragraphs, lists, tables,
# indented blocks, `code`, **strong** and *emphasis*. A table of more than two
# columns becomes a list, since a terminal has no room for it.

# Markdown's marks in a text become scdoc's.
function marked(line,    out, quoted, i, c) {
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "`") {
            quoted = !quoted
            c = "*"
        } else if (quoted ? c ~ /[*_\\]/ : c ~ /[_\\]/) {
            c = "\\" c
        } else if (!quoted && substr(line, i, 2) == "**") {
            i++
        } else if (!quoted && c == "*") {
            c = substr(line, i - 1, 3) == " * " ? "\\*" : "_"
        }
        out = out c
    }
    return out
}

function print_gathered() {
    if (gathered != "")
        print marked(gathered)
    gathered = ""
}

# Ends the block that is being read.
function finish() {
    print_gathered()
    if (kind == "code")
        print "```"
    if (kind != "")
        print ""
    kind = ""
}

function begin(what) {
    if (kind != what)
        finish()
    kind = what
}

function print_row(cells, count,    i) {
    if (count == 2) {
        print (rows == 0 ? "[[" : "| ") " " marked(cells[1])
        print (rows == 0 ? ":<" : ": ") " " marked(cells[2])
    } else if (rows == 0) {
        for (i = 1; i <= count; i++)
            names[i] = cells[i]
    } else {
        gsub(/`/, "", cells[1])
        print "*" cells[1] "*"
        for (i = 2; i <= count; i++)
            print (i == 2 ? "\t" : "") names[i] ": " marked(cells[i]) \
                (i < count ? "++" : "")
        print ""
    }
}

function row(line,    cells, count) {
    gsub(/^\| *| *\|$/, "", line)
    count = split(line, cells, / \| /)
    if (kind != "table")
        rows = 0
    begin("table")
    if (line !~ /^---/)
        print_row(cells, count)
    rows++
}

BEGIN {
    print "clog-format(5)\n\n# NAME\n"
    print "clog-format - the bytes on disk of a commit log\n"
    print "# DESCRIPTION\n"
}

FNR <= 2 { next } # the licence and the title

/^#/ {
    finish()
    level = index($0, " ") - 1
    $1 = ""
    print (level == 1 ? "# " toupper(substr($0, 2)) : "##" $0) "\n"
    next
}

/^\|/ { row($0); next }

/^    / && kind != "item" {
    if (kind != "code") {
        begin("code")
        print "```"
    }
    print substr($0, 5)
    next
}

/^$/ { finish(); next }

/^(- |[0-9]+\. )/ {
    begin("item")
    print_gathered()
    sub(/^[0-9]+\. /, ". ")
    gathered = $0
    next
}

{
    if (kind != "item")
        begin("paragraph")
    sub(/^ +/, "")
    gathered = gathered (gathered == "" ? "" : " ") $0
}

END {
    finish()
    print "# SEE ALSO\n\n*clog*(1), *clog-verify*(1)"
}
