/* Self-signed certificates and keys of "here.test" (EC) and "there.test" (RSA), valid for a hundred years, for tests
 * only. */
#ifndef TESTS_NET_TLS_KEYS_H
#define TESTS_NET_TLS_KEYS_H

static const char ec_cert[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBlDCCATugAwIBAgIUaQ7JPvcpeqJ5QgVEWZllx21zhEMwCgYIKoZIzj0EAwIw\n"
                              "FDESMBAGA1UEAwwJaGVyZS50ZXN0MCAXDTI2MTEyMTA0NDQyM1oYDzIxMjYxMDI4\n"
                              "MDQ0NDIzWjAUMRIwEAYDVQQDDAloZXJlLnRlc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                              "PQMBBwNCAATpPfQ9dDBl/xa75XvNq732nEh+VDPbiod9B4Cu2M2QlXALqvDK9Je4\n"
                              "YS7queSWvTUVFXLgVAJma+eSKwov1/Dlo2kwZzAdBgNVHQ4EFgQU3VC1MDW+o326\n"
                              "efSEgyDbpD+1RtAwHwYDVR0jBBgwFoAU3VC1MDW+o326efSEgyDbpD+1RtAwDwYD\n"
                              "VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALggloZXJlLnRlc3QwCgYIKoZIzj0EAwID\n"
                              "RwAwRAIgD8DV2u3hliJwlcur4rfDhRAa8Vuaf0XWFN9Gt/ssQCMCIAmJyazHJ5pr\n"
                              "1Qxxzaj9T582/Su4F3rpVIRn6ZxXp2Wy\n"
                              "-----END CERTIFICATE-----\n";

static const char ec_key[] = "-----BEGIN PRIVATE KEY-----\n"
                             "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgndELidV1N3mYFrnK\n"
                             "T7QDUGGeOnk39OBWYU9Ayb8zCzOhRANCAATpPfQ9dDBl/xa75XvNq732nEh+VDPb\n"
                             "iod9B4Cu2M2QlXALqvDK9Je4YS7queSWvTUVFXLgVAJma+eSKwov1/Dl\n"
                             "-----END PRIVATE KEY-----\n";

static const char rsa_cert[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIDJDCCAgygAwIBAgIUEFsbIAbB/zIU0rytHrkOyqImV58wDQYJKoZIhvcNAQEL\n"
                               "BQAwFTETMBEGA1UEAwwKdGhlcmUudGVzdDAgFw0yNjExMjEwNDQ0MjNaGA8yMTI2\n"
                               "MTAyODA0NDQyM1owFTETMBEGA1UEAwwKdGhlcmUudGVzdDCCASIwDQYJKoZIhvcN\n"
                               "AQEBBQADggEPADCCAQoCggEBALW/daCQAgbUu/BQ2zHDk4QlrVhLqxFa5Jp1yHh2\n"
                               "CLldFmMdtg+Zvo1r4uOZs17G5aQ2XaVPAQfRuqvMi1ngypdgGYkXeeYm7/NGmUnq\n"
                               "YGgCSU9oHA0ByE2AiC6zTwuqw07TxfKhKdXxfI8yMEYNkR/4nnQjn+ykmijyARff\n"
                               "5/lZ1QtOGUIMJM0a090HrF6FS593ynilwUS48UEn5BwCuWQwIWIK4P/uABkqzqpd\n"
                               "A+aqgR5VVmj7fAKEvKo0P8cPktFP02TGrogItgILAOXZ9ZfljKUW4HmCHQJt6meS\n"
                               "2DyntP7d1nI8I+Gmff36eCuElgub2MQ7J5mXVlvoNj7MA2cCAwEAAaNqMGgwHQYD\n"
                               "VR0OBBYEFGfyTeUpUBMehTtun7lBSbvB9BplMB8GA1UdIwQYMBaAFGfyTeUpUBMe\n"
                               "hTtun7lBSbvB9BplMA8GA1UdEwEB/wQFMAMBAf8wFQYDVR0RBA4wDIIKdGhlcmUu\n"
                               "dGVzdDANBgkqhkiG9w0BAQsFAAOCAQEAhTz3/ig+ySID2A0bnBQeOkWSQbyTs8+i\n"
                               "X6P+ADxB1W7MhOiIstxVvWG0q0Sb3QsYWWblcA+lR3Qo1Cm01yQMbj8rJ3tSVbH/\n"
                               "cNMJHff8k+E2AsjfjO8cdvd8yK2hadP0MABWeoqC9Ofv97uM4SMomQbVRWiW3Tvk\n"
                               "Z+D91kj41GlnZCDampbExh6JOkD4ygfxMFlE8eNt1//4PNVZhTPXcnSRakHwPh5B\n"
                               "jrp6Rw+Alh8t7bbhFNzIvFAdGfXrXTD6A+ywYvjZWRtrvPZe6i4ZKnak16xdtbRX\n"
                               "LrgmdnkZil3rcHAgRdsaDJMFRywhk++wH9rAtVIR8msmlapyal0aLQ==\n"
                               "-----END CERTIFICATE-----\n";

static const char rsa_key[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC1v3WgkAIG1Lvw\n"
                              "UNsxw5OEJa1YS6sRWuSadch4dgi5XRZjHbYPmb6Na+LjmbNexuWkNl2lTwEH0bqr\n"
                              "zItZ4MqXYBmJF3nmJu/zRplJ6mBoAklPaBwNAchNgIgus08LqsNO08XyoSnV8XyP\n"
                              "MjBGDZEf+J50I5/spJoo8gEX3+f5WdULThlCDCTNGtPdB6xehUufd8p4pcFEuPFB\n"
                              "J+QcArlkMCFiCuD/7gAZKs6qXQPmqoEeVVZo+3wChLyqND/HD5LRT9Nkxq6ICLYC\n"
                              "CwDl2fWX5YylFuB5gh0Cbepnktg8p7T+3dZyPCPhpn39+ngrhJYLm9jEOyeZl1Zb\n"
                              "6DY+zANnAgMBAAECggEAS7EnLe2LyoiClP03rKwFHb4LSYCKCDpQhruS+AhAbeKE\n"
                              "1lajYi/nmkJaRevXNhujvBYgPh5/EWCZW79eMdpaxVxyhhPO4rlIqYq3gH8qE2cQ\n"
                              "XQ/AzvH1F8H19W0b+IHvwT6VbA0OvVlLRN/kFujDjgsfAsNrcUTEJ1VSezz3AXNg\n"
                              "D1r/Oh1AFLrtEEQIEn/iQ2wLKz7++7Snmbju3qm4Y/2elhJUHoBXd9EwiFvd7aUd\n"
                              "Fnvja3I8088NlbanB/dOVazISu59bF+kUyhcj2+e+xuSVokU94r6/W7BdeyNWvPj\n"
                              "lX9B7sx9RX/EIglYmonkJOkOCV+UGkVDIvYeBUv5EQKBgQD+n49yaT1pwd9KZ0fN\n"
                              "Cbzd+g3zgv7LvWII95T1BUNYL1e4mlqBDSrchWSgDoD/qDdaGTsT4u44WDfNUxJt\n"
                              "6GVZVWg6dZ2eSCUFr6RcPe2/JESgEUJtdTDp8wCVDiJL9xBAitJilBDInrg6hmqa\n"
                              "1yajHwK6v8OmECm8MOMjachuUwKBgQC2uwchQXoDtxvuM6b+xAqLqqTsjri9fWaY\n"
                              "nZuh5o0KTNGhymaAUWoSrJXzPeSy/F80fhF7T/4RNDJlpPDj31F+ObaoAAkwaaLj\n"
                              "wDBu5Tl1BhwxWIoAK5RjXCvbbiFfzLLpoDt68HlRJo7N0HbfOasw26EGSJ7sRncs\n"
                              "ukl6MrHsHQKBgDcDoqrFsk83ZFdfGVRj1jrf3EPQ+dxrftMRK04FZReYowtvzj4z\n"
                              "6h7bc3Jhr92NKuh8qxcQ4Qerh+MFH+Y/YCZ9HZgD8ZpRXC5uVMTZXJT/8RPkpsWf\n"
                              "nIHvzyBlfWOMbiaD2BEUjMvL/2IlyMLL2b1E5gITjOJEe7/9kBYGtRehAoGBAJRs\n"
                              "rGjt118HL++3EvEjafFyhY4Ei7iXEGvssUq7i1qPdUO2tLWL694JQ6+VWZus9OQd\n"
                              "drO0EQoGXN1FMcnWTkp6NIyXot8pHv9hz7V0CcytTt8iLM3gmCJw7srI1OEM01KD\n"
                              "LW05wUESUbKJntTI8e24qD4DZNtEjW7OTfqtDOpdAoGBAKn6vTMRN2PO0f3dkZpi\n"
                              "2IxE2sGWNjKaj70nnGnZBFQAf7ekdcudZQDqVs67DlPGZtXMX1Y8dhUKAsb5x3AZ\n"
                              "ARCzrvnTUmIw5kOOqT1X17gwpszxZPfIyBKE1aoOnZBT7QeBN1QYuXDss7X24yj4\n"
                              "r+IwdgGEMei+RKsWsWNVRkgT\n"
                              "-----END PRIVATE KEY-----\n";

#endif
