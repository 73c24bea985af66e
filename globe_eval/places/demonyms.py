"""What people and things of a country are called in English: "French" -> FR."""

from __future__ import annotations

_DEMONYMS = """
AD Andorran; AE Emirati; AF Afghan; AG Antiguan; AL Albanian; AM Armenian; AO Angolan; AR Argentine,Argentinian,
Argentinean; AT Austrian; AU Australian,Aussie; AZ Azerbaijani,Azeri; BA Bosnian; BB Barbadian; BD Bangladeshi;
BE Belgian; BF Burkinabe,Burkinabé; BG Bulgarian; BH Bahraini; BI Burundian; BJ Beninese; BM Bermudian; BN Bruneian;
BO Bolivian; BR Brazilian; BS Bahamian; BT Bhutanese; BW Botswanan; BY Belarusian,Belarussian; BZ Belizean; CA Canadian;
CD Congolese; CH Swiss; CI Ivorian; CL Chilean; CM Cameroonian; CN Chinese; CO Colombian; CR Costa Rican;
CU Cuban; CV Cape Verdean; CY Cypriot; CZ Czech; DE German; DK Danish; DO Dominican; DZ Algerian; EC Ecuadorian,
Ecuadorean; EE Estonian; EG Egyptian; ER Eritrean; ES Spanish,Spaniard; ET Ethiopian; FI Finnish; FJ Fijian;
FO Faroese; FR French; GA Gabonese; GB British,Briton,English,Scottish,Welsh,Northern Irish; GE Georgian; GH Ghanaian;
GI Gibraltarian; GL Greenlandic; GM Gambian; GR Greek; GT Guatemalan; GY Guyanese; HN Honduran; HR Croatian,Croat;
HT Haitian; HU Hungarian; ID Indonesian; IE Irish; IL Israeli; IN Indian; IQ Iraqi; IR Iranian,Persian; IS Icelandic,
Icelander; IT Italian; JM Jamaican; JO Jordanian; JP Japanese; KE Kenyan; KG Kyrgyz; KH Cambodian,Khmer;
KR South Korean,Korean; KP North Korean; KW Kuwaiti; KZ Kazakh,Kazakhstani; LA Lao,Laotian; LB Lebanese;
LI Liechtensteiner; LK Sri Lankan; LR Liberian; LS Basotho; LT Lithuanian; LU Luxembourgish; LV Latvian; LY Libyan;
MA Moroccan; MC Monegasque,Monégasque; MD Moldovan; ME Montenegrin; MG Malagasy; MK Macedonian; ML Malian; MM Burmese;
MN Mongolian; MT Maltese; MU Mauritian; MV Maldivian; MW Malawian; MX Mexican; MY Malaysian; MZ Mozambican;
NA Namibian; NE Nigerien; NG Nigerian; NI Nicaraguan; NL Dutch; NO Norwegian; NP Nepali,Nepalese; NZ New Zealander;
OM Omani; PA Panamanian; PE Peruvian; PG Papua New Guinean; PH Filipino,Philippine; PK Pakistani; PL Polish;
PR Puerto Rican; PS Palestinian; PT Portuguese; PY Paraguayan; QA Qatari; RO Romanian; RS Serbian,Serb; RU Russian;
RW Rwandan; SA Saudi,Saudi Arabian; SC Seychellois; SD Sudanese; SE Swedish; SG Singaporean; SI Slovenian,Slovene;
SK Slovak,Slovakian; SL Sierra Leonean; SM Sammarinese; SN Senegalese; SO Somali; SR Surinamese; SV Salvadoran;
SY Syrian; SZ Swazi; TH Thai; TJ Tajik; TM Turkmen; TN Tunisian; TR Turkish; TT Trinidadian; TW Taiwanese;
TZ Tanzanian; UA Ukrainian; UG Ugandan; US American; UY Uruguayan; UZ Uzbek; VA Vatican; VE Venezuelan;
VN Vietnamese; WS Samoan; XK Kosovar,Kosovan; YE Yemeni; ZA South African; ZM Zambian; ZW Zimbabwean
"""

DEMONYMS: dict[str, str] = {
    name: code
    for entry in _DEMONYMS.replace("\n", " ").split(";")
    for code, _, names in [entry.strip().partition(" ")]
    for name in (part.strip() for part in names.split(","))
}
"""English adjective or noun -> ISO 3166-1 alpha-2. Those that mean more than a country are left out: "Caribbean"."""

NO_DEMONYM = ("North", "South", "Latin", "Central", "Native", "African", "Pan", "Anglo")
"""Words before a demonym that take it from its country: "South American", "Latin American", "Native American"."""
