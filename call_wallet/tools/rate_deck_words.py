"""What price lists call their columns: in the words of carriers, of switches, and of the languages of the addon.

Written as ``rate_deck_columns.squashed`` writes them: small letters and digits alone, no unit of time at the end.
Gathered from the export and import layouts of A2Billing, MagnusBilling, ASTPP, ArrowBilling, Kazoo, Yeastar, Sippy,
Telnyx and 46 Labs, and from carriers' lists. No database here.
"""

# What may mean something else is no word for sure: "price" and "rate" (of a minute or of a second?), "grace period" and
# "grace time" (in ASTPP seconds that are free in every call).
SURE = {
    "prefix": (
        "prefix", "prefixes", "code", "codes", "dialcode", "dialcodes", "dialprefix", "dialprefixes", "dialingcode",
        "diallingcode", "destinationprefix", "destinationprefixes", "destinationcode", "destinationcodes",
        "matchprefix", "breakout", "breakouts",
        "prefijo", "prefijos", "prefixe", "vorwahl", "vorwahlen", "prefixo", "prefixos",
    ),
    # Where there are several, the first of these is taken.
    "destination": (
        "destination", "destinationname", "destino", "ziel", "zielname", "description", "descripcion", "descricao",
        "beschreibung", "countryname", "country", "pais", "pays", "land",
    ),
    "price_per_minute": (
        "priceperminute", "rateperminute", "pricemin", "ratemin", "pricepermin", "ratepermin", "priceminute",
        "rateminute", "costperminute", "costpermin", "costmin", "perminutecost", "perminuterate", "perminuteprice",
        "permincost", "minuterate", "minuteprice", "chargeperminute", "tariffperminute", "rateinitial",
        "precioporminuto", "preciominuto", "tarifaporminuto", "tarifaminuto", "preciomin", "costeporminuto",
        "prixparminute", "prixminute", "tarifparminute", "prixmin", "prixalaminute",
        "preisprominute", "minutenpreis", "preisminute", "preismin", "precoporminuto", "precominuto", "precomin",
    ),
    "increment_seconds": (
        "increment", "incrementseconds", "billingincrement", "billingblock", "step", "nextincrement",
        "subsequentincrement", "intervaln", "billableunit", "rateincrement",
        "incremento", "incrementodefacturacion", "palier", "pasdefacturation", "takt", "taktung", "abrechnungstakt",
        "incrementodefaturacao",
    ),
    "minimum_seconds": (
        "minimum", "minimumseconds", "minimumduration", "minimalduration", "minduration", "minimumtime", "mintime",
        "minimaltimecharge", "rateminimum", "duracionminima", "minimo", "dureeminimale", "mindestdauer",
        "duracaominima",
    ),
    "connection_fee": (
        "connectionfee", "connectfee", "connectioncharge", "connectcharge", "connectioncost", "connectcost",
        "connectprice", "connectrate", "setup", "setupfee", "setupcharge", "setupcost", "setupprice", "callsetup",
        "callsetupfee", "callsetupcharge", "flagfall", "pricepercall", "ratepercall", "costpercall", "feepercall",
        "chargepercall", "percallfee", "percallcharge", "ratecall", "pricecall", "ratesurcharge",
        "costedeconexion", "cargodeconexion", "cuotadeconexion", "establecimiento", "establecimientodellamada",
        "preciodeestablecimiento", "costedeestablecimiento", "fraisdeconnexion", "fraisdetablissement",
        "fraisdemiseenrelation", "prixparappel", "verbindungsgebuhr", "verbindungsentgelt", "preisproanruf",
        "taxadeligacao", "taxadeconexao", "taxadeestabelecimento", "precoporchamada",
    ),
    "free_seconds": (
        "free", "freeseconds", "included", "includedseconds", "freetime",
        "segundosgratis", "secondesgratuites", "freisekunden",
    ),
    "first_block_seconds": (
        "firstblock", "firstblockseconds", "initialblock", "initblock", "firstincrement", "initialincrement",
        "firstinterval", "initialinterval", "interval1", "connectincrement",
        "primerbloque", "premierbloc", "ersterblock", "primeirobloco",
    ),
    "grace_seconds": (
        "grace", "graceseconds", "ratenochargetime", "nochargetime", "gracia", "delaidegrace", "karenz", "tolerancia",
    ),
    "valid_from": (
        "validfrom", "effectivedate", "effectivefrom", "startdate", "activationdate", "validsince",
        "fechaefectiva", "validodesde", "validadesde", "fechadeinicio", "vigentedesde", "valableapartirdu",
        "validefrom", "datedeffet", "gultigab", "gueltigab", "datadeinicio",
    ),
    "valid_to": (
        "validto", "effectiveto", "effectiveuntil", "enddate", "stopdate", "expirydate", "expirationdate", "validuntil",
        "validohasta", "validahasta", "fechadefin", "valablejusquau", "datedefin", "gultigbis", "gueltigbis",
        "validaate", "validoate", "datadefim",
    ),
    "currency": ("currency", "currencycode", "moneda", "divisa", "devise", "wahrung", "waehrung", "moeda"),
    # Left out without asking: they say nothing of a price.
    "": ("comment", "comments", "note", "notes", "remark", "remarks", "observaciones", "notas", "bemerkung", "iso",
         "isocode", "isocountry", "isocountrycode", "countryiso", "rateid", "ratename", "ratecardname"),
}  # fmt: skip
GUESSED = {
    "price_per_minute": (
        "price", "rate", "tariff", "cost", "precio", "tarifa", "coste", "prix", "tarif", "preis", "preco", "newrate",
        "newprice", "rate1", "price1", "raten", "pricen", "ratecost", "buyrate", "sellrate", "sellingrate",
    ),
    "prefix": ("number", "areacode", "citycode", "codigo", "codigos", "codigodearea", "indicatif", "indicatifs"),
    "country_code": ("countrycode", "codigodepais", "indicatifdupays", "landesvorwahl", "indicativodopais"),
    "destination": ("name", "zone", "route", "nombre", "zona", "nom", "nome"),
    "connection_fee": ("initialcost", "surcharge", "connection", "connect", "fee"),
    "increment_seconds": (
        "billing", "billingterms", "billingincrements", "increments", "rounding", "unit", "units", "facturacion",
        "incrementos", "facturation", "abrechnung",
    ),
    "minimum_seconds": ("initialtime",),
    "grace_seconds": ("gracetime", "graceperiod"),
    "valid_from": ("effective", "date", "from", "fecha", "desde", "inicio", "ab", "du"),
    "valid_to": ("to", "until", "expires", "expiry", "end", "hasta", "fin", "bis", "au", "ate"),
}  # fmt: skip
# What stands beside a currency in the heading of a price: "USD/min". Alone it may be a minimum.
PER_MINUTE = {"min", "minute", "permin", "perminute", "porminuto", "minuto", "parminute", "prominute", "pormin"}
# Stand after a country code.
AREAS = {"areacode", "citycode", "codigodearea"}
