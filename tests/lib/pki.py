"""Keys and certificates for tests, made by openssl(1) in a directory of the test's own."""
import os
import subprocess


def _run(*argv, **kw):
    subprocess.run(["openssl"] + list(argv), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)


class Authority:
    def __init__(self, directory, name="ca"):
        self.dir, self.name = directory, name
        self.cert, self.key = self.path(name + ".crt"), self.path(name + ".key")
        _run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-keyout", self.key,
             "-out", self.cert, "-subj", "/O=Test/CN=%s" % name)
        self.serial = 1000

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, name, san=(), rsa=False, subject=None, days=30):
        """name.crt and name.key; san as openssl writes them, DNS:a.test for instance."""
        key, request, cert, ext = (self.path(name + suffix) for suffix in (".key", ".csr", ".crt", ".ext"))
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        _run("req", "-newkey", *kind, "-nodes", "-keyout", key, "-out", request, "-subj", subject or "/CN=%s" % name)
        with open(ext, "w") as f:
            f.write("subjectAltName=%s\n" % ",".join(san) if san else "basicConstraints=CA:FALSE\n")
        self.serial += 1
        _run("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-set_serial", str(self.serial), "-days", str(days),
             "-extfile", ext, "-out", cert)
        os.chmod(key, 0o600)
        return cert, key

    def conf(self, name, *args, **kw):
        cert, key = self.issue(name, *args, **kw)
        return {"certFile": cert, "keyFile": key}

    def ocsp(self, name):
        """A response that says the certificate is good, in DER."""
        out, request = self.path(name + ".ocsp"), self.path(name + ".ocspreq")
        index = self.path("index.txt")
        serial = subprocess.run(["openssl", "x509", "-in", self.path(name + ".crt"), "-noout", "-serial"], check=True,
                                stdout=subprocess.PIPE, text=True).stdout.strip().split("=")[1]
        with open(index, "w") as f:
            f.write("V\t490101000000Z\t\t%s\tunknown\t/CN=%s\n" % (serial, name))
        _run("ocsp", "-issuer", self.cert, "-cert", self.path(name + ".crt"), "-reqout", request)
        _run("ocsp", "-index", index, "-rsigner", self.cert, "-rkey", self.key, "-CA", self.cert, "-reqin", request, "-respout", out,
             "-ndays", "2")
        return out
