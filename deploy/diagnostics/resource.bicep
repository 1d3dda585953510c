// One resource's diagnostic setting. deploy/diagnostics.bicep deploys it once for each resource, in the
// resource's own group.

@description('What sort of resource it is.')
@allowed([
  'app'
  'insights'
  'apim'
  'frontDoor'
  'classicFrontDoor'
  'applicationGateway'
  'keyVault'
  'storage'
  'sql'
  'cosmos'
])
param kind string

@description('The resource\'s name.')
param resourceName string

@description('The categories to send.')
param categories array

@description('Name of the diagnostic setting.')
param settingName string

@description('Resource id of an authorization rule of the event hub\'s namespace.')
param authorizationRuleId string

@description('Name of the event hub.')
param eventHub string

var sends = {
  eventHubAuthorizationRuleId: authorizationRuleId
  eventHubName: eventHub
  logs: map(categories, category => {
    category: category
    enabled: true
  })
}

resource site 'Microsoft.Web/sites@2023-12-01' existing = if (kind == 'app') {
  name: resourceName
}

resource siteSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'app') {
  name: settingName
  scope: site
  properties: sends
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = if (kind == 'insights') {
  name: resourceName
}

resource componentSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'insights') {
  name: settingName
  scope: component
  properties: sends
}

resource gateway 'Microsoft.ApiManagement/service@2022-08-01' existing = if (kind == 'apim') {
  name: resourceName
}

resource gatewaySetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'apim') {
  name: settingName
  scope: gateway
  properties: sends
}

resource profile 'Microsoft.Cdn/profiles@2023-05-01' existing = if (kind == 'frontDoor') {
  name: resourceName
}

resource profileSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'frontDoor') {
  name: settingName
  scope: profile
  properties: sends
}

resource classic 'Microsoft.Network/frontDoors@2021-06-01' existing = if (kind == 'classicFrontDoor') {
  name: resourceName
}

resource classicSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'classicFrontDoor') {
  name: settingName
  scope: classic
  properties: sends
}

resource balancer 'Microsoft.Network/applicationGateways@2023-09-01' existing = if (kind == 'applicationGateway') {
  name: resourceName
}

resource balancerSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'applicationGateway') {
  name: settingName
  scope: balancer
  properties: sends
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = if (kind == 'keyVault') {
  name: resourceName
}

resource vaultSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'keyVault') {
  name: settingName
  scope: vault
  properties: sends
}

resource account 'Microsoft.Storage/storageAccounts@2023-01-01' existing = if (kind == 'storage') {
  name: resourceName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-01-01' existing = if (kind == 'storage') {
  parent: account
  name: 'default'
}

resource accountSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'storage') {
  name: settingName
  scope: blobs
  properties: sends
}

resource server 'Microsoft.Sql/servers@2021-11-01' existing = if (kind == 'sql') {
  name: resourceName
}

resource master 'Microsoft.Sql/servers/databases@2021-11-01' existing = if (kind == 'sql') {
  parent: server
  name: 'master'
}

resource serverSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'sql') {
  name: settingName
  scope: master
  properties: sends
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2023-11-15' existing = if (kind == 'cosmos') {
  name: resourceName
}

resource cosmosSetting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (kind == 'cosmos') {
  name: settingName
  scope: cosmos
  properties: sends
}
