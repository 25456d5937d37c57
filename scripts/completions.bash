# Completes the words of `consul` in bash: commands from the program's own help, flags from each command's page.
#
#   source scripts/completions.bash        (or copy it to /etc/bash_completion.d/consul)

_consul() {
	local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} i
	local -a spelt=()

	# What has been spelt of the command: the words before the first flag.
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] && break
		spelt+=("${COMP_WORDS[i]}")
	done

	local help
	help=$("$program" "${spelt[@]}" -h 2>&1 </dev/null) || return
	if [[ $word == -* ]]; then
		COMPREPLY=($(compgen -W "$(sed -n 's/^  \(-[a-z][a-z0-9-]*\).*/\1/p' <<<"$help")" -- "$word"))
	else
		COMPREPLY=($(compgen -W "$(sed -n 's/^    \([a-z][a-z-]*\)  .*/\1/p' <<<"$help")" -- "$word"))
		((${#COMPREPLY[@]})) || compopt -o default
	fi
}

complete -F _consul consul
