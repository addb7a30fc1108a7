# SPDX-License-Identifier: MIT
#
# complete.zsh DIRECTORY LINE: what zsh, with the completions in DIRECTORY,
# offers at the end of LINE, one a line. A zsh on a terminal of its own gets
# the line and the tab key; its compadd prints what it is to offer.
zmodload zsh/zpty

zpty shell zsh -f -i
zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell 'compadd() {
    local found=() i
    if (( ! ${@[(I)-[OAD]]} )); then
        builtin compadd -O found "$@"
        for i in $found; do print -r -- "<$i>"; done
    fi
    builtin compadd "$@"
}
offer() { zle complete-word; print "<"end">" }
zle -N offer; bindkey "^I" offer
print "<"ready">"'
zpty -r shell output '*<ready>*' || exit 1
zpty -n -w shell "$2"$'\t'
zpty -r shell output '*<end>*' || exit 1
zpty -d shell
print -r -- $output | grep -oE '<[^<>]+>' | grep -v '<end>' | tr -d '<>'
