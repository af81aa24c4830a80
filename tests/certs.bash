# Certificates for tests of TLS, made in each run: load ../certs. EC P-256, in the current folder.
#
#	authority ca                     ca.pem, ca.key
#	certificate server ca            server.pem, server.key: for 127.0.0.1 and localhost, one day
#	certificate other ca DNS:other.example
#	certificate old ca IP:127.0.0.1 -3 -1    from three days ago until yesterday

authority() { # NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 1 \
		-subj "/CN=$1" -addext basicConstraints=critical,CA:true 2>/dev/null
}

# Its common name is NAME. Days are counted from now.
certificate() { # NAME AUTHORITY [ALTERNATIVE-NAMES [FROM-DAY TO-DAY]]
	local name=$1 ca=$2 names=${3:-IP:127.0.0.1,DNS:localhost} from=${4:-0} to=${5:-1}
	mkdir -p "$ca.d"
	touch "$ca.d/index"
	printf '%s\n' '[ca]' default_ca=me '[me]' "database=$ca.d/index" "new_certs_dir=$ca.d" rand_serial=yes default_md=sha256 \
		policy=any unique_subject=no x509_extensions=more '[any]' commonName=supplied '[more]' "subjectAltName=$names" >"$ca.d/conf"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -subj "/CN=$name" -out "$name.csr" 2>/dev/null
	chmod 600 "$name.key"
	openssl ca -batch -config "$ca.d/conf" -cert "$ca.pem" -keyfile "$ca.key" -in "$name.csr" -out "$name.pem" -notext \
		-startdate "$(date -u -d "$from days" +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$to days" +%Y%m%d%H%M%SZ)" 2>/dev/null
}
