# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Completion of clog and clog-verify for bash.

_clog_options="max_store= max_index= max_record= max_held= staging= sync sync= async
    sync=always retain_bytes= retain_records= retain_age= segment_age=
    full=error full=drop_oldest keep_unread damaged=error damaged=skip uid= gid=
    umask= ro rw allow_other config="

# Readline has words end at "=": of what begins with the word, it wants what
# comes behind that.
_clog_reply() {
    local word=$1 i
    mapfile -t COMPREPLY
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"${word%"${word##*=}"}"}
    done
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# _clog_option WORD PREFIX: an option, or a file's name behind config=.
_clog_option() {
    case $1 in
    config=*) compgen -f -P "$2config=" -- "${1#*=}" ;;
    *) compgen -W "$_clog_options" -P "$2" -- "$1" ;;
    esac
}

_clog() {
    local line=${COMP_LINE:0:COMP_POINT} word list
    word=${line##*[[:blank:]]}
    COMPREPLY=()
    if [[ $line =~ [[:blank:]]-o[[:blank:]]*[^[:blank:]]*$ ]]; then
        list=${word#-o}
        _clog_reply "$list" < <(_clog_option "${list##*,}" \
            "${list%"${list##*,}"}")
    elif [[ $word == --* ]]; then
        _clog_reply "$word" < <(compgen -W "--help --version" -- "$word"
            _clog_option "${word#--}" --)
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen \
            -W "-f -d -s -h --help -V --version -o" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        compopt -o filenames 2>/dev/null
    fi
}

_clog_verify() {
    local word=${COMP_WORDS[COMP_CWORD]}
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "-r --repair -j --json -h --help
            -V --version" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        compopt -o filenames 2>/dev/null
    fi
}

complete -F _clog clog mount.clog mount.fuse.clog
complete -F _clog_verify clog-verify
