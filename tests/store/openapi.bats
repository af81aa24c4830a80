# A stranger reads the documents: schemathesis asks both programs all that /openapi.json says they take, and much that it says
# they do not, and finds every answer described there. It comes by pip; where that is not, it is not asked.
load ../helpers
load ../ingest

setup_file() {
	python3 -c 'import ensurepip' 2>/dev/null || "$top/tests/packages.sh" python || lack "python3-venv is not to be had: schemathesis comes by pip"
	python3 -m venv "$BATS_FILE_TMPDIR/venv"
	"$BATS_FILE_TMPDIR/venv/bin/pip" -q install --disable-pip-version-check schemathesis==4.32.5 openapi-spec-validator==0.9.0 ||
		lack "pip has no index: schemathesis comes by it"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	PATH=$BATS_FILE_TMPDIR/venv/bin:$PATH
	cp "$BATS_TEST_DIRNAME"/openapi.toml "$BATS_TEST_DIRNAME"/openapi_hooks.py .
}

# Asks the program at $url all that its document says.
stranger() { # EXAMPLES
	PYTHONPATH=. nice schemathesis --config-file openapi.toml run "$url/openapi.json" --max-examples "$1" --seed "${HTA_SEED:-1}" \
		--phases examples,coverage,fuzzing --checks all >asked 2>&1 && return
	cut -c 1-500 asked
	return 1
}

@test "openapi: the documents are valid" {
	hta-ingest --openapi --route "/api/v1/orders=order_events:$top/examples/routes/orders.json" >ingest.json
	hta-serve --openapi >serve.json
	for document in ingest.json serve.json; do openapi-spec-validator $document; done
}

@test "openapi: hta-ingest answers as its document says" {
	serve --route "/api/v1/orders=order_events:$top/examples/routes/orders.json" \
		--route "/api/v1/product-views=product_views:$top/examples/routes/product-views.json"
	# so that those who wait for the sinks are answered
	spawn job bash -c 'hta-consume --job all --log log --epoch 50ms | hta-sink-sqlite --init --events e.db | hta-commit'
	stranger 10
	kill -TERM -- "-$pid"
	exits_with 143 60
	end
}

@test "openapi: hta-serve answers as its document says" {
	hta-gen --count 600 --step 1s | hta-window --metric hits --by endpoint --value latency_ms | hta-sink-sqlite --init s.db
	hta-sink-sqlite --init --events --key topic,event_id --time timestamp s.db <<<"$login"
	mkdir rules
	echo '{"rule_id":"hits","metric":"count"}' >rules/hits.json
	spawn serve hta-serve -v -l 0 -d s.db --rules rules
	wait_until 60 grep -q 'listens on' serve.err
	url=http://localhost:$(sed -nE 's/.*listens on [^,]*:([0-9]+).*/\1/p' serve.err)
	stranger 10
	kill -TERM "$pid"
	exits_with 0 60
}
