"""What made-up requests are made of. Domains and addresses are those reserved for examples."""

from __future__ import annotations

SITES = (
    ("Lantern Kitchen", "lantern-kitchen.example", "IAB8"),
    ("Le Petit Phare", "petit-phare.example", "IAB19"),
    ("Pebble and Pine", "pebble-and-pine.example", "IAB10"),
    ("Northgate Daily", "northgate-daily.example", "IAB12"),
    ("Half Time", "half-time.example", "IAB17"),
    ("Mercado Central", "mercado-central.example", "IAB22"),
)
APPS = (
    ("Tile Orchard", "example.tileorchard", "IAB9-30"),
    ("Wavecrest Radio", "example.wavecrest.radio", "IAB1-6"),
    ("Trail Mate", "example.trailmate", "IAB20"),
    ("Cloudburst", "example.cloudburst.weather", "IAB15-10"),
    ("Ledger Lite", "example.ledgerlite", "IAB13"),
)
SCREENS = (
    ("Central station, platform 2", "transit.train_stations"),
    ("Harbour mall, north entrance", "retail.malls"),
    ("Ring road, kilometre 14", "outdoor.billboards"),
    ("Terminal B, gate 12", "transit.airports"),
)
PHONES = (
    ("Google", "Pixel 9", "Android", "15", 1080, 2424),
    ("Samsung", "SM-S921B", "Android", "14", 1080, 2340),
    ("Apple", "iPhone16,1", "iOS", "18.1", 1179, 2556),
    ("Xiaomi", "2312DRA50G", "Android", "13", 1220, 2712),
)
MOBILE_AGENT = (
    "Mozilla/5.0 (Linux; {os} {osv}; {model}) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/139.0.0.0 Mobile Safari/537.36"
)
DESKTOP_AGENTS = (
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/139.0.0.0 Safari/537.36"
    ),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.1 Safari/605.1.15"
    ),
)
# Country, region, city, language, latitude and longitude of the city.
CITIES = (
    ("DEU", "HH", "Hamburg", "de", 53.55, 9.99),
    ("FRA", "ARA", "Lyon", "fr", 45.76, 4.84),
    ("GBR", "LDS", "Leeds", "en", 53.8, -1.55),
    ("NLD", "NH", "Amsterdam", "nl", 52.37, 4.9),
    ("PRT", "11", "Lisboa", "pt", 38.72, -9.14),
    ("USA", "OR", "Portland", "en", 45.52, -122.68),
)
NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
ID_SOURCES = ("idhub.example", "openid.example", "passport.example", "graph.example")
SEGMENTS = ("sailing", "home cooking", "new parents", "football", "gardening", "commuters", "news")
COMPANIES = ("two-pears.example", "quayside.example", "bridgeside.example", "tern.example")
SIZES = ((300, 250), (728, 90), (160, 600), (320, 50), (970, 250), (300, 600), (336, 280))
